"""Who is at the other end of a socket: found anew each time, from the browser's session alone."""

from dataclasses import dataclass, field
from importlib import import_module

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest
from django.utils.translation import get_language_from_request

from tenants.callers import refuse_suspended, session_caller
from tenants.live.topics import Viewer


@dataclass(frozen=True, slots=True)
class Browser:
    """What a browser sent when it opened the socket."""

    session_key: str | None
    accept_language: str = ""
    cookies: dict[str, str] = field(default_factory=dict)

    def find_viewer(self) -> Viewer | None:
        """Return who is signed in now, None when nobody is: signed out, logged out, expired, no longer a member.

        Raises Forbidden (code "tenant-suspended"). Opens its own scopes.
        """
        if self.session_key is None:
            return None
        request = HttpRequest()
        request.session = import_module(settings.SESSION_ENGINE).SessionStore(self.session_key)
        request.COOKIES, request.META["HTTP_ACCEPT_LANGUAGE"] = self.cookies, self.accept_language
        # Checks the session's hash too: a changed password ends it.
        request.user = get_user(request)
        caller = session_caller(request)
        if caller is None:
            return None
        refuse_suspended(caller.tenant)
        return Viewer(caller=caller, language=get_language_from_request(request))
