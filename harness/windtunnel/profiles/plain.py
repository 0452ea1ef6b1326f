"""A load profile as plain data and back, without loss: histories store what was run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from windtunnel.errors import ProfileError
from windtunnel.profiles.model import Profile
from windtunnel.spec.plain import from_plain, to_plain


def profile_to_plain(profile: Profile) -> dict[str, object]:
    """Dicts, lists, texts and numbers only, as JSON keeps them."""
    return cast("dict[str, object]", to_plain(profile))


def is_profile(data: Mapping[str, object]) -> bool:
    """Whether what a history's header stores is a load profile, and not an experiment."""
    return "stages" in data


def profile_from_plain(data: Mapping[str, object]) -> Profile:
    """The profile that `profile_to_plain` made this of. Raises `ProfileError` when it cannot have been."""
    try:
        return cast(Profile, from_plain(Profile, data, "profile"))
    except ValueError as error:
        raise ProfileError(f"not a stored load profile: {error}") from None
