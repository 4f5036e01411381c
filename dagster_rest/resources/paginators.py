"""The paginators of `RestApiResource`, as Dagster config: the same keys as in a config file."""

from typing import TYPE_CHECKING, TypeAlias

import dagster as dg

from dagster_rest.config.model import paginators as models
from dagster_rest.resources.from_model import config_class

AutoPaginator = config_class(models.AutoPaginatorConfig, module=__name__)
SinglePagePaginator = config_class(models.SinglePagePaginatorConfig, module=__name__)
JSONLinkPaginator = config_class(models.JSONLinkPaginatorConfig, module=__name__)
HeaderLinkPaginator = config_class(models.HeaderLinkPaginatorConfig, module=__name__)
HeaderCursorPaginator = config_class(models.HeaderCursorPaginatorConfig, module=__name__)
JSONResponseCursorPaginator = config_class(models.JSONResponseCursorPaginatorConfig, module=__name__)
OffsetPaginator = config_class(models.OffsetPaginatorConfig, module=__name__)
PageNumberPaginator = config_class(models.PageNumberPaginatorConfig, module=__name__)

if TYPE_CHECKING:
    Paginator: TypeAlias = dg.Config
else:
    Paginator = (
        AutoPaginator
        | SinglePagePaginator
        | JSONLinkPaginator
        | HeaderLinkPaginator
        | HeaderCursorPaginator
        | JSONResponseCursorPaginator
        | OffsetPaginator
        | PageNumberPaginator
    )
