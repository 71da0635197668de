"""The demo's enterprises. Telephone numbers are from ranges kept for fiction where a country has one."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from config.demo.flows import greeting_and_menu, straight_to
from config.demo.plan import (
    AgentPlan,
    CustomerPlan,
    EnterprisePlan,
    PersonPlan,
    QueuePlan,
    RatePlan,
    ServicePlan,
    StationPlan,
)

PUBLIC_NUMBER = "+442079460000"
OPERATOR = PersonPlan(name="Olive Porter", email="operator@hotseat.example", role="operator")


def _stations(count: int, sites: Sequence[str]) -> tuple[StationPlan, ...]:
    """Seats 1001 on. The first is this machine's own and asks the desk; every third asks the desk too."""
    return tuple(
        StationPlan(
            extension=str(1001 + place),
            site=sites[place * len(sites) // count],
            answer_mode="desk" if place % 3 == 0 else "phone",
            ip_address="127.0.0.1" if place == 0 else None,
        )
        for place in range(count)
    )


def _staff(domain: str, administrator: str, supervisor: str) -> tuple[PersonPlan, ...]:
    return (
        PersonPlan(name=administrator, email=f"admin@{domain}", role="administrator"),
        PersonPlan(name=supervisor, email=f"supervisor@{domain}", role="supervisor"),
    )


def _agents(team: str, first: int, people: Sequence[tuple[str, dict[str, int]]]) -> tuple[AgentPlan, ...]:
    return tuple(
        AgentPlan(number=str(first + place), name=name, team=team, skills=skills)
        for place, (name, skills) in enumerate(people)
    )


def _customers(prefix: str, people: Sequence[tuple[str, str]]) -> tuple[CustomerPlan, ...]:
    return tuple(
        CustomerPlan(name=name, phone=f"{prefix}{place:02d}", segment=segment)
        for place, (name, segment) in enumerate(people, start=11)
    )


HARBOUR = EnterprisePlan(
    slug="harbour",
    name="Harbour Bank",
    language="en",
    time_zone="Europe/London",
    currency="GBP",
    menu_key="1",
    people=_staff("harbour-bank.example", "Amelia Hart", "George Okafor"),
    skills={"english": "English", "accounts": "Accounts", "cards": "Cards", "loans": "Loans"},
    agents=_agents(
        "Front desk",
        2001,
        [
            ("Sophie Turner", {"english": 5, "accounts": 4, "loans": 3}),
            ("Jack Murphy", {"english": 5, "accounts": 5, "cards": 3}),
            ("Priya Nair", {"english": 4, "accounts": 3, "cards": 4}),
            ("Liam Walsh", {"english": 5, "accounts": 2, "cards": 2}),
            ("Grace Kelly", {"english": 5, "accounts": 4}),
        ],
    )
    + _agents(
        "Lending",
        2006,
        [
            ("Daniel Reid", {"english": 5, "loans": 5}),
            ("Chloe Adams", {"english": 4, "loans": 4, "accounts": 2}),
            ("Omar Haddad", {"english": 4, "loans": 3}),
        ],
    ),
    stations=_stations(8, ("London", "Leeds")),
    queues=(
        QueuePlan(
            code="accounts",
            name="Accounts and cards",
            requires="english >= 3 & (accounts >= 2 | cards >= 3)",
            steps=[{"after": 60, "requires": "english >= 3", "priority": 1}],
        ),
        QueuePlan(
            code="loans",
            name="Loans",
            requires="loans >= 3",
            steps=[{"after": 30, "requires": "loans"}, {"after": 120, "queue": "accounts"}],
            preference="most_proficient",
            wrap_up_seconds=30,
        ),
    ),
    services=(
        ServicePlan(
            code="welcome",
            name="Harbour Bank",
            public=True,
            e164="+442079460101",
            definition=greeting_and_menu(
                greeting={"en": "Welcome to Harbour Bank.", "zh-hans": "欢迎致电海港银行。"},
                prompt={
                    "en": "For accounts and cards, press 1. For loans, press 2.",
                    "zh-hans": "账户和银行卡请按1，贷款请按2。",
                },
                choices={"1": "accounts", "2": "loans"},
            ),
            calls_per_minute=4.0,
            keys="1",
        ),
        ServicePlan(
            code="loans",
            name="Harbour Bank loans",
            e164="+442079460102",
            definition=straight_to("loans"),
            calls_per_minute=2.0,
        ),
    ),
    customers=_customers(
        "+4477009001",
        [
            ("Oliver Bennett", "private"),
            ("Isla Campbell", "private"),
            ("Noah Edwards", "business"),
            ("Ava Fletcher", "gold"),
            ("Ethan Grant", "private"),
            ("王芳", "gold"),
            ("Mia Hughes", "private"),
            ("Lucas Irving", "business"),
            ("Ella Johnson", "private"),
            ("李伟", "business"),
        ],
    ),
    dispositions=("Answered", "Forwarded to the branch", "Complaint", "Wrong number"),
    reasons=("Break", "Lunch", "Training", "Back office"),
    rates=(
        RatePlan(prefix="", price_per_minute=Decimal("0.0450")),
        RatePlan(prefix="+44", price_per_minute=Decimal("0.0120")),
        RatePlan(prefix="+447", price_per_minute=Decimal("0.0260"), increment_seconds=6),
    ),
    seat_price=Decimal("38.00"),
    number_price=Decimal("4.50"),
    public_calls_per_minute=1.0,
)

QINGSHAN = EnterprisePlan(
    slug="qingshan",
    name="青山旅行 Qingshan Travel",
    language="zh-hans",
    time_zone="Asia/Shanghai",
    currency="CNY",
    menu_key="2",
    people=_staff("qingshan-travel.example", "陈静", "刘洋"),
    skills={"mandarin": "普通话", "english": "英语", "flights": "机票", "hotels": "酒店"},
    agents=_agents(
        "机票组",
        3001,
        [
            ("张敏", {"mandarin": 5, "flights": 5, "hotels": 3}),
            ("王强", {"mandarin": 5, "flights": 4}),
            ("赵磊", {"mandarin": 5, "flights": 3, "english": 3}),
            ("孙丽", {"mandarin": 4, "flights": 4, "hotels": 2}),
        ],
    )
    + _agents(
        "酒店组",
        3005,
        [
            ("周婷", {"mandarin": 5, "hotels": 5}),
            ("吴昊", {"mandarin": 5, "hotels": 4, "english": 4}),
            ("郑洁", {"mandarin": 4, "hotels": 3, "flights": 2}),
        ],
    ),
    stations=_stations(7, ("深圳", "成都")),
    queues=(
        QueuePlan(code="flights", name="机票", requires="mandarin >= 3 & flights >= 2"),
        QueuePlan(code="hotels", name="酒店", requires="mandarin >= 3 & hotels >= 2"),
    ),
    services=(
        ServicePlan(
            code="welcome",
            name="青山旅行",
            public=True,
            language="zh-hans",
            e164="+8675583660001",
            definition=greeting_and_menu(
                greeting={"zh-hans": "欢迎致电青山旅行。", "en": "Welcome to Qingshan Travel."},
                prompt={
                    "zh-hans": "机票请按1，酒店请按2。",
                    "en": "For flights, press 1. For hotels, press 2.",
                },
                choices={"1": "flights", "2": "hotels"},
            ),
            calls_per_minute=3.0,
            keys="1",
        ),
        ServicePlan(
            code="hotels",
            name="青山旅行酒店热线",
            language="zh-hans",
            e164="+8675583660002",
            definition=straight_to("hotels"),
            calls_per_minute=2.0,
        ),
    ),
    customers=_customers(
        "+86138001381",
        [
            ("黄晓明", "普通"),
            ("林芳", "贵宾"),
            ("徐志强", "普通"),
            ("何雪梅", "普通"),
            ("高峰", "企业"),
            ("罗娜", "贵宾"),
            ("梁博", "普通"),
            ("Anna Schmidt", "企业"),
            ("谢宇", "普通"),
            ("唐倩", "普通"),
        ],
    ),
    dispositions=("已解决", "需回电", "投诉", "打错电话"),
    reasons=("小休", "用餐", "培训", "会议"),
    rates=(
        RatePlan(prefix="", price_per_minute=Decimal("0.9000"), increment_seconds=60),
        RatePlan(prefix="+86", price_per_minute=Decimal("0.1500"), increment_seconds=6),
        RatePlan(prefix="+86138", price_per_minute=Decimal("0.1200"), increment_seconds=6),
    ),
    seat_price=Decimal("260.00"),
    number_price=Decimal("30.00"),
    public_calls_per_minute=1.0,
)

LOTUS = EnterprisePlan(
    slug="lotus",
    name="Lotus Clinic 莲花诊所",
    language="en",
    time_zone="Asia/Singapore",
    currency="SGD",
    menu_key="3",
    people=_staff("lotus-clinic.example", "Rachel Tan", "Marcus Lim"),
    skills={"english": "English", "mandarin": "Mandarin", "nursing": "Nursing advice"},
    agents=_agents(
        "Reception",
        4001,
        [
            ("Wei Ling Goh", {"english": 5, "mandarin": 5, "nursing": 2}),
            ("Hafiz Rahman", {"english": 5}),
            ("Siti Aminah", {"english": 4, "nursing": 3}),
            ("Jun Jie Ong", {"english": 4, "mandarin": 5}),
            ("陈美玲", {"mandarin": 5, "english": 3, "nursing": 4}),
            ("Deepa Pillai", {"english": 5, "nursing": 5}),
        ],
    ),
    stations=_stations(6, ("Novena",)),
    queues=(
        QueuePlan(code="english", name="Appointments (English)", requires="english >= 3", wrap_up_seconds=15),
        QueuePlan(code="mandarin", name="预约（中文）", requires="mandarin >= 3", wrap_up_seconds=15),
    ),
    services=(
        ServicePlan(
            code="welcome",
            name="Lotus Clinic",
            public=True,
            e164="+6561230001",
            definition=greeting_and_menu(
                greeting={"en": "Welcome to Lotus Clinic.", "zh-hans": "欢迎致电莲花诊所。"},
                prompt={
                    "en": "For an appointment in English, press 1. In Mandarin, press 2.",
                    "zh-hans": "英语预约请按1，中文预约请按2。",
                },
                choices={"1": "english", "2": "mandarin"},
            ),
            calls_per_minute=2.0,
            keys="1",
        ),
    ),
    customers=_customers(
        "+65812340",
        [
            ("Tan Boon Keng", ""),
            ("Nurul Huda", ""),
            ("黄丽华", ""),
            ("Arun Kumar", ""),
            ("Lee Mei Fong", "chronic"),
            ("林国强", ""),
        ],
    ),
    dispositions=("Booked", "Cancelled", "Advice given", "Wrong number"),
    reasons=("Break", "Lunch", "With a patient"),
    rates=(
        RatePlan(prefix="", price_per_minute=Decimal("0.0800")),
        RatePlan(prefix="+65", price_per_minute=Decimal("0.0180")),
    ),
    seat_price=Decimal("55.00"),
    number_price=Decimal("8.00"),
    public_calls_per_minute=0.5,
)

ENTERPRISES = (HARBOUR, QINGSHAN, LOTUS)
