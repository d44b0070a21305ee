"""The APIs that clients use, one folder each: what requests and answers look like on the wire."""
