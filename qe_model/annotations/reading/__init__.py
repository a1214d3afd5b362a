"""Human annotations from the forms they are published in, as one form; one file a form, see `registry.READERS`."""
