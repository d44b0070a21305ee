"""The Claude Messages API as clients speak it: requests in, frames, messages and errors out."""
