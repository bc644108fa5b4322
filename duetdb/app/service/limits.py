"""The limits that the service enforces; each is a setting of the same name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

_LEVEL_PAGES: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    page_default: int = 1000
    """Documents in a list when ``max`` is not given (SPEC 6.1)."""
    page_ceiling: int = 10_000
    """The largest ``max`` that a client may ask for."""
    answer_documents: int = 200_000
    """Documents that one answer shows, related ones counted wherever they stand."""
    body_bytes: int = 16 * 1024 * 1024
    """Bytes of a request body; more is 413."""
    bulk_documents: int = 10_000
    """Documents in one array insert or one array delete."""
    nesting: int = 50
    """Levels of objects and lists in a document."""
    filter_depth: int = 20
    """Levels of a filter."""
    filter_clauses: int = 500
    """Comparisons in a filter, elements of ``$in`` lists not counted."""
    in_values: int = 10_000
    """Elements of the ``$in`` lists of one filter, all together."""
    related_conditions: int = 100
    """Conditions on related documents in the filters of one request, each a database call."""
    regex_length: int = 500
    """Characters of one regular expression; all of a filter have ten times as many."""
    regex_text: int = field(default=10_000, metadata={"max": 65_534})
    """Characters of the longest text that a regular expression looks at which may try much at
    each character, such as ``a.*b``; all others look at all texts."""
    regex_ms: int = 500
    """Milliseconds for a query by regular expressions, save those for the beginning of a text."""
    geo_points: int = 1_000
    """Positions of one geometry in a query."""
    query_ms: int = 10_000
    """Milliseconds that one database operation may take (``maxTimeMS``)."""
    stream_ms: int = 600_000
    """Milliseconds that the database may work for one stream, which has no page limit."""
    sort_disk: bool = False
    """Sort and group on disk what does not fit into the 100 MB of memory that MongoDB takes."""
    require_index: int = field(default=0, metadata={"min": 0})
    """Documents of a collection above which queries that no index answers are refused; 0: none."""
    graphql_tokens: int = 5_000
    """Tokens of a GraphQL text."""
    graphql_depth: int = 20
    """Levels of objects that a GraphQL operation selects inside each other."""
    graphql_fields: int = 2_000
    """Fields that a GraphQL operation selects, each fragment counted wherever it is used."""
    graphql_repeats: int = 200
    """Fields of a GraphQL operation that are selected again under the same key."""
    graphql_aliases: int = 200
    """Fields of a GraphQL operation that are given another name."""
    graphql_directives: int = 100
    """Directives of a GraphQL operation."""
    graphql_roots: int = 50
    """Root fields of a GraphQL operation."""
    graphql_reads: int = 200
    """Root fields and relations of a GraphQL operation, each of which is a database call."""
    graphql_cost: int = 1_000_000
    """Documents that a GraphQL operation could read, by the sizes of its pages."""
    graphql_schema_fields: int = 1_000
    """Fields of the schema that introspection selects; it counts for no other limit."""
    graphql_schema_depth: int = 20
    """Levels of objects that introspection selects inside each other."""
    graphql_schema_lists: int = 100
    """Lists of the schema that introspection asks for, each of which may have everything in it."""
    registered_operations: int = 1_000
    """GraphQL operations that may be registered."""
    registered_bytes: int = 100_000
    """Bytes of the text of a registered GraphQL operation."""
    expand_depth: int = 3
    """Levels of documents in a REST answer, references expanded (SPEC 9.1); 1 expands none."""
    reported_failures: int = 1_000
    """Documents that an update by query names as failed; it counts all of them."""
    media_file_bytes: int = field(default=64 * 1024 * 1024, metadata={"max": 2**40})
    """Bytes of one file of the media archive; more is 413."""
    media_files: int = 100
    """Files of one upload."""
    media_upload_bytes: int = field(default=256 * 1024 * 1024, metadata={"max": 2**40})
    """Bytes of all files of one upload."""
    media_uploads: int = 4
    """Pieces of uploads that a worker stores at a time; the other uploads wait, all in turn."""
    media_open: int = 400
    """Uploads that a worker has under way; beyond them uploads are 503 for a moment."""
    media_send_seconds: int = 60
    """Seconds that a client may take for one piece of a file (255 KB, with S3 1 MB) until it is
    cut off; files need no key, and who reads slowly holds memory."""
    media_pixels: int = 50_000_000
    """Pixels of a picture that is made smaller; of larger ones there is only the original."""
    media_ratio: int = 50
    """How many times as long as wide a picture may be that is made smaller."""
    media_resizing: int = 2
    """Pictures that a worker makes smaller at a time."""
    media_resize_waiting: int = 200
    """Pictures that wait for that; beyond them smaller sizes are 503 for a moment."""
    media_resize_seconds: int = 20
    """Seconds for one picture, after which there is only the original."""
    media_resize_bytes: int = 1024 * 1024 * 1024
    """Bytes of memory for one picture; 50 million pixels of any format fit into the default."""
    media_by_post: bool = True
    """Whoever may POST documents to some collection may POST files too."""
    write_retries: int = 20
    """Attempts of an optimistic update before it is a Conflict."""

    @property
    def level_documents(self) -> int:
        """The most related documents that one level of one answer may hold in memory."""
        return self.page_ceiling * _LEVEL_PAGES
