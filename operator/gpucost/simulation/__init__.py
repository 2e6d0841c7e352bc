"""A GPU fleet that is not there: it speaks the exporter's and the API's language and knows its own true cost."""
