"""From a download of an LMS to `submitted/`."""
