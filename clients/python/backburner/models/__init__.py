"""Values of the gateway's contract, by subject. A test compares them with its `/openapi.json`."""
