"""The pages of a report: self-contained HTML, made from a stored run alone. Nothing in them asks the network."""

from windtunnel.report.page.experiment import experiment_page
from windtunnel.report.page.index import index_page
from windtunnel.report.page.overview import Overview, overview_page

__all__ = ["Overview", "experiment_page", "index_page", "overview_page"]
