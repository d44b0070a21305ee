"""The playground: a request to this gateway from the browser, by whoever is signed in."""
