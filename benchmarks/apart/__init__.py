"""What pages cost the streams beside them: `python -m benchmarks.apart`."""
