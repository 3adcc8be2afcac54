"""The door: validates, asks Temporal or storage, answers. No business rule lives here."""
