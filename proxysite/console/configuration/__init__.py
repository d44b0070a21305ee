"""The configuration as a file: taken out, and put in once its differences were looked at."""
