"""Memory: hand-written SQL, one file per table, and the object store. All take the tenant."""
