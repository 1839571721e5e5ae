from rest_framework.pagination import PageNumberPagination


class Pages(PageNumberPagination):
    """``?page=`` from 1, ``?page_size=`` up to 200; answers ``count, next, previous, results``."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
    invalid_page_message = "There is no such page: they count from 1, and the last has no next."
