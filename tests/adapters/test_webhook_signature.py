"""Standard Webhooks: what we sign others verify, what others sign we do, and nothing else."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from adapters.webhook.signature import SECRET_BYTES, TOLERANCE, fits, secret, sign

SECRET, OTHER = b"a" * 32, b"b" * 32
BODY = b'{"text": "hello"}'
NOW = 1_767_225_600
SIGNED = sign([SECRET], "msg_1", NOW, BODY)
HEADERS = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=60)
BODIES = st.recursive(st.none() | st.text() | st.integers(), lambda inner: st.dictionaries(st.text(), inner))


def test_the_example_of_the_standard_is_signed_as_it_says() -> None:
    key = secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    made = sign([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(st.binary(min_size=SECRET_BYTES, max_size=64), st.from_regex(r"[!-~]{1,40}", fullmatch=True), BODIES)
def test_what_we_sign_the_library_of_the_standard_verifies(key, name, data) -> None:
    body, now = json.dumps(data).encode(), int(time.time())
    headers = {"webhook-id": name, "webhook-timestamp": str(now), "webhook-signature": sign([key], name, now, body)}
    assert Webhook(key).verify(body, headers) == data


@given(st.binary(min_size=SECRET_BYTES, max_size=64), st.from_regex(r"[!-~]{1,40}", fullmatch=True), BODIES)
def test_what_the_library_of_the_standard_signs_we_verify(key, name, data) -> None:
    body = json.dumps(data)
    made = Webhook(key).sign(name, datetime.fromtimestamp(NOW, UTC), body)
    assert fits([OTHER, key], name, str(NOW), made, body.encode(), NOW) == 1


@given(HEADERS, HEADERS, HEADERS, st.binary(max_size=60))
def test_whatever_stands_in_the_headers_we_say_what_the_library_says(name, stamp, signatures, body) -> None:
    assert fits([SECRET], name, stamp, signatures, body, time.time()) is None
    headers = {"webhook-id": name, "webhook-timestamp": stamp, "webhook-signature": signatures}
    with pytest.raises((WebhookVerificationError, ValueError)):
        Webhook(SECRET).verify(body, headers)


def test_of_several_secrets_it_says_which() -> None:
    assert fits([SECRET, OTHER], "msg_1", str(NOW), SIGNED, BODY, NOW) == 0
    assert fits([OTHER, SECRET], "msg_1", str(NOW), SIGNED, BODY, NOW) == 1
    both = sign([OTHER, SECRET], "msg_1", NOW, BODY)
    assert len(both.split(" ")) == 2
    assert fits([SECRET], "msg_1", str(NOW), both, BODY, NOW) == 0


@pytest.mark.parametrize(
    ("name", "stamp", "signatures", "body"),
    [
        ("", str(NOW), SIGNED, BODY),
        ("msg_2", str(NOW), SIGNED, BODY),
        ("msg_1", str(NOW + 1), SIGNED, BODY),
        ("msg_1", "", SIGNED, BODY),
        ("msg_1", f"{NOW}.0", SIGNED, BODY),
        ("msg_1", f"+{NOW}", SIGNED, BODY),
        ("msg_1", "١٧٦٧٢٢٥٦٠٠", SIGNED, BODY),
        ("msg_1", "9" * 5000, SIGNED, BODY),
        ("msg_1", str(NOW), "", BODY),
        ("msg_1", str(NOW), "garbage", BODY),
        ("msg_1", str(NOW), SIGNED.replace("v1,", "v1a,"), BODY),
        ("msg_1", str(NOW), SIGNED.removeprefix("v1,"), BODY),
        ("msg_1", str(NOW), SIGNED[:-1], BODY),
        ("msg_1", str(NOW), SIGNED + "é\udcff", BODY),
        ("msg_1", str(NOW), SIGNED, BODY + b" "),
        ("msg_1", str(NOW), sign([OTHER], "msg_1", NOW, BODY), BODY),
    ],
)
def test_what_is_not_signed_so_is_not_taken(name, stamp, signatures, body) -> None:
    assert fits([SECRET], name, stamp, signatures, body, NOW) is None


@pytest.mark.parametrize(("away", "is_taken"), [(TOLERANCE, True), (TOLERANCE + 1, False)])
def test_it_is_good_for_five_minutes_before_and_after(away, is_taken) -> None:
    assert (fits([SECRET], "msg_1", str(NOW), SIGNED, BODY, NOW + away) == 0) is is_taken
    assert (fits([SECRET], "msg_1", str(NOW), SIGNED, BODY, NOW - away) == 0) is is_taken


@given(st.binary(min_size=SECRET_BYTES, max_size=64))
def test_a_secret_is_read_with_and_without_its_mark_and_padding(key) -> None:
    encoded = base64.b64encode(key).decode()
    for text in (encoded, f"whsec_{encoded}", encoded.rstrip("=")):
        assert secret(text) == key


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_c2hvcnQ=", "not base64 at all, and long enough", "é" * 40])
def test_a_secret_that_is_none_is_refused_without_being_shown(text) -> None:
    with pytest.raises(ValueError, match="expected") as error:
        secret(text)
    assert not text or text not in str(error.value)
