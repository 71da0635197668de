"""Telephone numbers: E.164 inside, whatever callers' networks send outside."""

import hashlib
import hmac
import re

import phonenumbers
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

_E164 = re.compile(r"^\+[1-9][0-9]{2,14}$")


def validate_e164(value: str) -> None:
    """Raise ValidationError unless `value` is in E.164 form with a leading plus (ITU-T E.164: 15 digits at most)."""
    if not _E164.match(value):
        raise ValidationError(
            _("“%(value)s” is not a number in international form, such as +8675583660001."),
            params={"value": value},
        )


def normalise(raw: str | None, *, region: str | None = None) -> str:
    """Return `raw` in E.164 form, or "" when it is hidden, malformed or no telephone number at all.

    `region` (ISO 3166) completes national numbers; without it only international forms ("+…", "00…") count.
    """
    text = (raw or "").strip()
    if not text or len(text) > 40:
        return ""
    if text.startswith("00"):
        text = "+" + text[2:]
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return ""
    e164: str = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return e164 if _E164.match(e164) else ""


def is_premium(e164: str) -> bool:
    """Whether a number in E.164 form costs its caller more than a call: premium rate or shared cost.

    As libphonenumber's metadata have it for each country.
    """
    kind = phonenumbers.number_type(phonenumbers.parse(e164))
    return kind in (phonenumbers.PhoneNumberType.PREMIUM_RATE, phonenumbers.PhoneNumberType.SHARED_COST)


def region_of(e164: str) -> str | None:
    """Return the region (ISO 3166) of a number in E.164 form; None for what is none, or of no country."""
    if not _E164.match(e164):
        return None
    region: str | None = phonenumbers.region_code_for_number(phonenumbers.parse(e164))
    return None if region in (None, "ZZ", "001") else region


def calling_hash(e164: str) -> str:
    """Return a keyed hash of a calling number: equal callers can be told apart from others, but not named.

    The key is HOTSEAT_HASH_KEY alone: changing the secret key signs people out, and must not forget who called before.
    """
    if not e164:
        return ""
    key = hashlib.sha256(b"hotseat calling number" + settings.HOTSEAT_HASH_KEY.encode()).digest()
    return hmac.new(key, e164.encode(), hashlib.sha256).hexdigest()
