"""Letters as their readers see them: for the tests of the look, the gallery and the pictures of the documentation."""
