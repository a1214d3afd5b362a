"""The report as pages: static HTML that opens from disk, and a Markdown summary. Nothing that report.json lacks."""
