"""REST APIs as Dagster assets."""

from dagster_rest.version import __version__ as __version__
