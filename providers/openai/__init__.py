"""What is the same in every dialect that OpenAI speaks: its models, and the schemas that it takes."""
