from provisioning.templatetags.provisioning_tags import cloud_words


def test_the_clouds_own_sentence_is_found_in_what_its_client_printed() -> None:
    said = "revoking rule (sg-1): operation error EC2: Revoke, RequestID: 59kq, api error Rule.NotFound: No such rule"

    assert cloud_words(said) == "No such rule (Rule.NotFound)"
    assert cloud_words("something else") == "something else"
