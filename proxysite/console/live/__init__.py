"""The page of the live view, and the form that cuts a stream."""
