"""`serve --pages apart`: the API and the pages in processes of their own."""
