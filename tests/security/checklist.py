"""Known attacks on servers that generate an API from a schema, and the tests that try them here.

Each box is a class of attack that worked elsewhere. It names the tests that show that it does not
work here, or says why there is nothing to attack.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """One class of attacks; ``tests`` are ``file::test`` below ``tests/``."""

    attack: str
    tests: tuple[str, ...] = ()
    absent: str = ""
    """Why there is nothing to attack, or what of it there is not."""


QUERIES = (
    Box(
        "An object where a scalar is expected: token, id, e-mail, password",
        (
            "identity/test_passwords.py::test_inputs_are_texts_of_sane_length",
            "identity/test_sessions.py::test_bodies_that_are_refused",
            "identity/test_sessions.py::test_refresh_tokens_that_are_refused",
            "rest/test_hostile.py::test_ids_to_delete_that_are_none",
            "keys/test_bodies.py::test_every_mistake_is_named_at_once",
        ),
    ),
    Box(
        "Names and keys as injection: dots, dollars, sub-keys, update operators, distinct",
        (
            "test_hostile_queries.py::test_every_one_is_refused_over_rest",
            "rest/test_hostile.py::test_a_key_that_no_document_can_have",
            "access/test_written_fields.py::test_a_change_of_what_may_not_be_written",
        ),
    ),
    Box(
        "Code in a filter",
        (
            "test_hostile_queries.py::test_every_one_is_refused_over_rest",
            "oracle/test_oracle.py::test_other_operators_are_refused_and_nothing_is_asked",
        ),
    ),
    Box(
        "Raw aggregation stages and operators from clients",
        (
            "oracle/test_oracle.py::test_groups",
            "oracle/test_oracle.py::test_other_operators_are_refused_and_nothing_is_asked",
            "test_hostile_queries.py::test_every_one_is_refused_in_graphql",
        ),
        "No interface takes a stage; a listener at the driver sees allowed operators alone.",
    ),
    Box(
        "Reserved keys such as __proto__, however deep",
        (
            "test_hostile_queries.py::test_every_one_is_refused_over_rest",
            "rest/test_hostile.py::test_a_key_that_no_document_can_have",
        ),
    ),
    Box(
        "An empty list in a permission that holds for everything",
        ("access/test_document_filter.py::test_an_empty_list_holds_nothing",),
        "There is no LDAP.",
    ),
)

HIDDEN = (
    Box(
        "A filter, a sort, a relation or a prefix as an oracle of hidden values",
        (
            "noninterference/test_noninterference.py::test_what_is_hidden_changes_nothing",
            "voice_graphql/test_within_rights.py::test_values_in_variables_of_what_is_hidden",
        ),
    ),
    Box(
        "Aggregates, groups and text search over hidden values",
        ("noninterference/test_noninterference.py::test_what_is_hidden_changes_nothing",),
    ),
    Box(
        "Side endpoints: who am I, login, verification, export",
        (
            "noninterference/test_noninterference.py::test_what_is_hidden_changes_nothing",
            "identity/test_passwords.py::test_asking_for_a_reset_tells_nothing",
            "identity/test_passwords.py::test_no_secret_is_stored_as_it_is",
        ),
        "There is no file metadata yet.",
    ),
    Box(
        "Logs and histories that hold secrets",
        (
            "test_operations.py::test_the_log_is_json_lines_without_secrets",
            "keys/test_credentials.py::test_parameters_that_carry_credentials_are_in_no_log",
            "test_audit.py::test_what_is_administered_is_noted",
            "test_audit.py::test_refusals_are_noted_and_those_alike_are_counted",
        ),
        "There are no revisions and no flows.",
    ),
    Box(
        "Internal collections by the generic route",
        (
            "access/test_globs.py::test_stars_do_not_mean_system_collections",
            "access/test_rights.py::test_system_collections_are_closed_until_they_name_a_role",
            "test_who_may_what.py::test_both_interfaces_allow_and_refuse_the_same",
        ),
    ),
    Box(
        "A read-only credential that writes; a bulk write that skips the rule of the row",
        (
            "test_who_may_what.py::test_both_interfaces_allow_and_refuse_the_same",
            "test_who_may_what.py::test_the_authoriser_alone_refuses_what_is_refused",
            "access/test_guarded_writes.py::test_what_is_out_of_reach_is_not_deleted",
            "access/test_writes_and_secrets.py::test_writes_keep_and_tell_no_secrets",
        ),
        "There are no hooks.",
    ),
    Box(
        "Existence told by a difference of errors; texts of the database, explain, versions",
        (
            "access/test_same_answer.py::test_a_hidden_document_and_a_missing_one",
            "access/test_same_answer.py::test_a_closed_collection_a_document_of_it_and_nothing",
            "access/test_linked_writes.py::test_a_reference_to_a_hidden_document_is_one_to_a_missing_one",
            "test_explain.py::test_only_the_full_key_may_ask",
            "test_operations.py::test_an_unexpected_error_is_masked_and_logged_under_its_id",
        ),
    ),
    Box(
        "Mass assignment: rights and private fields that are written by registering",
        (
            "access/test_rights.py::test_what_gives_rights_is_written_by_those_who_are_told_so_by_name",
            "identity/test_passwords.py::test_nobody_registers_with_rights",
            "identity/test_workers.py::test_users_may_be_kept_elsewhere_and_are_as_safe_there",
        ),
    ),
)

REALTIME = (
    Box("Subscriptions by other rules than reads", absent="There are no subscriptions yet."),
    Box("Rights that change during a stream", absent="There are no subscriptions yet."),
    Box(
        "WebSockets that skip authentication",
        ("transport/test_https.py::test_a_websocket_is_refused_before_it_is_open",),
        "There is no WebSocket endpoint yet.",
    ),
    Box("Bad patterns over the socket", absent="There is no WebSocket endpoint yet."),
)

GRAPHQL = (
    Box(
        "Aliases, duplicates, depth and width; a limiter that is not linear itself",
        (
            "voice_graphql/test_text_limits.py::test_a_limit",
            "voice_graphql/test_measure.py::test_a_tangled_text_is_refused_as_fast_as_it_is_long",
            "voice_graphql/test_measure.py::test_twenty_levels_of_fragments_take_less_than_a_millisecond",
            "voice_graphql/test_merging.py::test_hundreds_of_fragments_side_by_side_take_no_time",
            "voice_graphql/test_hostile.py::test_fragments_that_multiply",
        ),
    ),
    Box(
        "Introspection that is off and answers all the same; suggestions; replayed texts",
        (
            "voice_graphql/test_telling.py::test_nobody_finds_a_way_to_ask_for_the_schema",
            "voice_graphql/test_telling.py::test_mistakes_are_told_without_what_would_be_right",
            "voice_graphql/test_within_rights.py::test_the_same_text_of_two_callers",
        ),
    ),
    Box(
        "Forgery by forms, multipart or GET; CORS that GraphQL skips or that is wide",
        (
            "voice_graphql/test_http.py::test_no_form_of_another_site_can_ask",
            "voice_graphql/test_http.py::test_get_must_not_mutate",
            "access/test_in_browser.py::test_pages_read_and_write_where_the_key_allows_it",
            "test_cors.py::test_other_origins_may_not",
        ),
    ),
)

SERVICE = (
    Box(
        "Nested operators, checked after they are transformed",
        (
            "test_hostile_queries.py::test_every_one_is_refused_over_rest",
            "test_limits.py::test_a_limit_of_filters",
        ),
    ),
    Box(
        "Patterns without an end, in headers as well; look-ups without an index before the key",
        (
            "test_patterns.py::test_an_endless_pattern_is_refused",
            "test_long_texts.py::test_a_long_text_takes_no_time",
            "identity/test_workers.py::test_users_are_found_by_the_index",
            "transport/test_rates.py::test_a_refusal_costs_no_look_at_the_key",
        ),
    ),
    Box(
        "Batches that beat the rate limit; addresses that a client invents",
        (
            "voice_graphql/test_http.py::test_a_batch_is_refused_with_what_to_do_instead",
            "transport/test_rates.py::test_without_trusted_proxies_nobody_counts_as_somebody_else",
            "transport/test_rates.py::test_who_guesses_keys_must_wait",
        ),
    ),
    Box(
        "A crash by odd input",
        (
            "rest/test_hostile_transport.py::test_what_is_not_http",
            "rest/test_hostile_transport.py::test_many_bad_requests_at_once_leave_the_server_well",
            "rest/test_hostile.py::test_a_body_that_is_not_json",
            "voice_graphql/test_hostile.py::test_bodies",
        ),
    ),
    Box(
        "Our stack: forms without bounds, slow bodies, paths of static files",
        (
            "transport/test_slow_and_large.py::test_a_head_that_is_too_large",
            "transport/test_slow_and_large.py::test_a_body_that_does_not_arrive",
            "rest/test_hostile.py::test_a_form_that_cannot_be_read",
        ),
        "Assets are a fixed list, multipart bodies are not read, and there are no ranges yet.",
    ),
    Box("Bursts of transforms that exhaust the storage", absent="There are no files yet."),
)

FILES = (
    Box(
        "Stored scripts",
        (
            "rest/test_formats.py::test_html_escapes_everything",
            "rest/test_formats.py::test_js_cannot_be_broken_out_of",
            "transport/test_headers.py::test_answers_for_programs",
        ),
        "There are no uploads yet.",
    ),
    Box("Another's file replaced", absent="There are no files yet."),
    Box(
        "Requests of the server to addresses of others' choice",
        ("identity/test_jwks.py::test_answers_that_are_no_keys",),
        "It asks one address, that of the issuer's keys, which the operator sets.",
    ),
    Box(
        "Paths out of a folder; markup from templates; names in pages of administration; JSONP",
        (
            "rest/test_formats.py::test_the_name_of_a_collection_is_escaped",
            "identity/test_passwords.py::test_links_in_mails_are_the_operators",
            "rest/test_formats.py::test_js_cannot_be_broken_out_of",
        ),
    ),
)

TOKENS = (
    Box(
        "Confusion of algorithms, audiences and issuers; critical headers; keys of the wrong kind",
        (
            "identity/test_tokens.py::test_headers_that_are_refused",
            "identity/test_tokens.py::test_a_public_key_is_never_a_secret",
            "identity/test_tokens.py::test_issuer_and_audience_are_compared_whole",
            "identity/test_options.py::test_options_that_are_refused",
            "identity/test_jwks.py::test_odd_keys_are_left_out_and_take_no_other_away",
        ),
    ),
    Box(
        "An issuer of the attacker's choice; accounts that are linked or taken beforehand",
        (
            "identity/test_tokens.py::test_issuer_and_audience_are_compared_whole",
            "identity/test_tokens.py::test_users_who_are_not_known",
            "identity/test_passwords.py::test_a_stranger_cannot_prepare_a_password_for_somebodys_record",
        ),
    ),
    Box("Adapters of identity providers", absent="There are none: tokens are verified by keys."),
    Box(
        "Empty or partial credentials, and headers that say who one is",
        (
            "keys/test_credentials.py::test_nothing_is_accepted_by_half",
            "identity/test_tokens.py::test_nothing_is_401",
            "transport/test_https.py::test_only_a_trusted_proxy_says_that_it_was_https",
        ),
    ),
    Box(
        "One-time things used twice at once; sessions that do not end; passwords as they are",
        (
            "identity/test_sessions.py::test_of_many_exchanges_at_once_one_succeeds",
            "identity/test_sessions.py::test_a_refresh_token_that_is_used_again_ends_all",
            "identity/test_passwords.py::test_a_token_of_a_mail_is_good_once_and_for_its_purpose",
            "identity/test_passwords.py::test_resetting_a_password_ends_what_went_before",
            "identity/test_passwords.py::test_no_secret_is_stored_as_it_is",
        ),
    ),
    Box(
        "Users told by answers or by their time; keys compared byte by byte",
        (
            "identity/test_passwords.py::test_wrong_and_unknown_are_told_alike",
            "identity/test_passwords.py::test_wrong_and_unknown_take_as_long",
            "access/test_same_answer.py::test_without_a_key_nothing_is_told",
        ),
    ),
)

PLATFORM = (
    Box("Tags and workflows of the build", absent="They are the business of who publishes it."),
    Box(
        "A database of an old version, or one that strangers reach",
        ("security/test_checklist.py::test_the_composition_publishes_no_database",),
        "The embedded engine has no TCP port; the page on security says what to run instead.",
    ),
)

CHECKLIST: dict[str, tuple[Box, ...]] = {
    "Operator and query injection": QUERIES,
    "Hidden fields and rights leaking sideways": HIDDEN,
    "Realtime": REALTIME,
    "GraphQL": GRAPHQL,
    "Denial of service and parsers": SERVICE,
    "Files, requests, paths, scripts": FILES,
    "Authentication, tokens, timing": TOKENS,
    "Supply chain and platform": PLATFORM,
}
