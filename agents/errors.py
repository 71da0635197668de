"""Why something about agents, seats and sessions is refused. Each has its own stable code."""

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tenants.public import Conflict, Forbidden, Invalid, NotFound


class WhoUnknown(Forbidden):
    """The agent number and the password do not belong together; which of them is wrong is never told."""

    code = "who-unknown"

    def __init__(self) -> None:
        super().__init__(
            _("This agent number and password are not known here. Check the company, the number and the password.")
        )


class AgentInactive(Forbidden):
    """The right password, of somebody who may not work at present."""

    code = "agent-inactive"

    def __init__(self, number: str) -> None:
        super().__init__(
            _("Agent %(number)s is not active. Ask your administrator to activate it.") % {"number": number},
            number=number,
        )


class TenantSuspended(Forbidden):
    """The tenant's service is suspended by the provider."""

    code = "tenant-suspended"

    def __init__(self) -> None:
        super().__init__(_("This company's service is suspended. Its administrator can ask the provider why."))


class AgentHasNoSkill(Conflict):
    """WHAT found nothing: no contact could ever reach the agent."""

    code = "agent-has-no-skill"

    def __init__(self, number: str) -> None:
        super().__init__(
            _("Agent %(number)s has no skill, so no contact could reach it. Ask your administrator to add one.")
            % {"number": number},
            number=number,
        )


class StationUnknown(Invalid):
    """WHERE found nothing. `stations` in the data lists the free ones to choose from."""

    code = "station-unknown"

    def __init__(self, *, looked_for: str, stations: Sequence[dict[str, str]]) -> None:
        super().__init__(
            _("No station is known by “%(looked_for)s”. Choose one by its extension.") % {"looked_for": looked_for},
            looked_for=looked_for,
            stations=list(stations),
        )


class StationTaken(Conflict):
    """Somebody of the same tenant sits there."""

    code = "station-taken"

    def __init__(self, *, extension: str, agent_number: str, agent_name: str) -> None:
        super().__init__(
            _("Station %(extension)s is taken by agent %(number)s, %(name)s. Choose another, or ask them to log out.")
            % {"extension": extension, "number": agent_number, "name": agent_name},
            extension=extension,
            agent_number=agent_number,
            agent_name=agent_name,
        )


class StationInUse(Conflict):
    """Somebody is logged in at the station that is to get another telephone."""

    code = "station-in-use"

    def __init__(self, *, extension: str, agent_number: str, agent_name: str) -> None:
        message = _(
            "Agent %(number)s, %(name)s, sits at station %(extension)s. Its telephone stays until they log out."
        )
        super().__init__(
            message % {"extension": extension, "number": agent_number, "name": agent_name},
            extension=extension,
            agent_number=agent_number,
            agent_name=agent_name,
        )


class AlreadyLoggedIn(Conflict):
    """The agent is logged in at another station than the one that is `wanted` now."""

    code = "already-logged-in"

    def __init__(self, *, session_id: str, extension: str, site: str, wanted: str) -> None:
        super().__init__(
            _("You are logged in at station %(extension)s, %(site)s. Log out there first.")
            % {"extension": extension, "site": site},
            session_id=session_id,
            extension=extension,
            site=site,
            wanted=wanted,
        )


class SeatsExhausted(Forbidden):
    """All seats that the tenant has rented are in use."""

    code = "seats-exhausted"

    def __init__(self, *, limit: int, used: int) -> None:
        super().__init__(
            ngettext(
                "The one rented seat is in use. Somebody has to log out, or your administrator rents more.",
                "All %(limit)d rented seats are in use. Somebody has to log out, or your administrator rents more.",
                limit,
            )
            % {"limit": limit},
            limit=limit,
            used=used,
        )


class LoginDisturbed(Conflict):
    """Others logged in or out, or changed the agent's skills, each time that the login looked."""

    code = "try-again"

    def __init__(self) -> None:
        super().__init__(_("Too much changed at this seat while you logged in. Try again."))


class PhoneUnreachable(Conflict):
    """The station's phone is not registered, so an offer would ring nowhere."""

    code = "phone-unreachable"

    def __init__(self, extension: str) -> None:
        super().__init__(
            _("The phone at station %(extension)s is not registered. Switch it on or reconnect it, then try again.")
            % {"extension": extension},
            extension=extension,
        )


class ContactInProgress(Conflict):
    """An offer rings or a contact runs; at the other station `extension`, if it is named."""

    code = "contact-in-progress"

    def __init__(self, *, extension: str = "") -> None:
        if extension:
            message = _("A contact is in progress at station %(extension)s. End it there first.")
            super().__init__(message % {"extension": extension}, extension=extension)
        else:
            super().__init__(_("A contact is in progress. End it before you log out."))


class SessionUnknown(NotFound):
    """No such agent session in this tenant."""

    code = "session-unknown"

    def __init__(self) -> None:
        super().__init__(_("There is no such agent session."))


class SessionOver(Conflict):
    """The session was logged out."""

    code = "session-over"

    def __init__(self) -> None:
        super().__init__(_("This session is logged out. Log in again."))


class ReasonUnknown(NotFound):
    """No such reason that an agent may give."""

    code = "reason-unknown"

    def __init__(self) -> None:
        super().__init__(_("There is no such not-ready reason. Choose one from the list."))


class NotInWrapUp(Conflict):
    """There is no wrap-up to extend."""

    code = "not-in-wrap-up"

    def __init__(self, state: str) -> None:
        super().__init__(_("There is no wrap-up to extend."), state=state)


class WrapUpLimit(Conflict):
    """The wrap-up lasts as long as one may already."""

    code = "wrap-up-limit"

    def __init__(self, *, minutes: int) -> None:
        super().__init__(
            _("A wrap-up lasts %(minutes)d minutes at most. Finish it, or take a pause.") % {"minutes": minutes},
            minutes=minutes,
        )


class SkillsUnknown(Invalid):
    """Skill codes that the tenant does not have, or proficiencies out of range."""

    code = "skills-unknown"

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(
            _("These skills cannot be given: %(codes)s.") % {"codes": ", ".join(sorted(errors))}, errors=errors
        )


class SkillUnknown(NotFound):
    """No such skill in this tenant."""

    code = "skill-unknown"

    def __init__(self) -> None:
        super().__init__(_("There is no such skill."))


class NumberTaken(Conflict):
    """Another agent of the tenant has this number."""

    code = "agent-number-taken"

    def __init__(self, number: str) -> None:
        super().__init__(_("Agent number %(number)s is taken. Choose another.") % {"number": number}, number=number)


class AgentUnknown(NotFound):
    """No such agent in this tenant."""

    code = "agent-unknown"

    def __init__(self) -> None:
        super().__init__(_("There is no such agent."))


class SiteUnknown(NotFound):
    """No such site in this tenant."""

    code = "site-unknown"

    def __init__(self) -> None:
        super().__init__(_("There is no such site."))


class StationExists(Conflict):
    """The extension, the address or the endpoint is in use."""

    code = "station-exists"

    def __init__(self, *, extension: str, ip_address: str | None, endpoint: str) -> None:
        super().__init__(
            _("Another station has this extension, IP address or SIP endpoint. Choose another."),
            extension=extension,
            ip_address=ip_address,
            endpoint=endpoint,
        )


class FieldsInvalid(Invalid):
    """Single fields are wrong; `errors` says each."""

    code = "invalid"

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__(_("Please correct: %(fields)s.") % {"fields": ", ".join(sorted(errors))}, errors=errors)
