"""How a run looks: pictures, HTML, text, tables and charts of a record."""
