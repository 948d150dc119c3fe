"""Files: paths inside one project, atomic writes, TOML with places, strict models."""
