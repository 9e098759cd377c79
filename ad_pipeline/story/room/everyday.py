"""Words that name nobody, so that no guard takes them for a stranger's."""

from __future__ import annotations

LATIN = frozenset(
    "spf pa uv uva uvb ad aha bha pha ph ml mg am pm ok tv sns it bb cc diy new pro plus one day night skin lip eye "
    "hand body face hair glow water cream serum mask tint cushion oil gel foam mist toner essence ampoule sun "
    "hello hi yes no now go on up off all you your me my we our the and or of in to for with by is be at from this "
    "that more less only just every each ever always today tonight tomorrow morning afternoon evening moment time "
    "start begin fresh pure clear clean soft light bright deep calm warm cool dry dewy wet moist smooth silky velvet "
    "matte glossy shine shiny radiant healthy natural daily weekend holiday season spring summer autumn winter love "
    "life mood vibe style look color colour red pink coral rose nude beige brown black white blue green gold silver "
    "beauty make makeup care routine self touch feel feeling breathe relax rest dream smile happy joy free easy simple "
    "real true best sellers edition limited gift set kit sample size drop drops layer layers boost booster barrier "
    "balance balancing hydration hydra moisture vitamin collagen retinol cica aqua magic secret story "
    "special forever beautiful event sale week month year monday tuesday wednesday thursday friday saturday sunday "
    "christmas valentine party routine ritual city seoul korea kbeauty".split()
)
"""Latin words that Korean copy borrows."""

OF_ORDERS = frozenset(
    "브랜드 제품 상품 이름 링크 문구 표현 광고 광고문 슬로건 사용자 시청자 소비자 고객님 여러분 프롬프트 시스템 "
    "인공지능 어시스턴트 이제부터 지금부터 오늘부터 우리의 저희의 글로벌 화장품 새로운 공식몰 공식스토어 쇼핑몰 "
    "previous instructions instruction following assistant important customer customers brand product website answer "
    "storyboard narration ignore instead never please system english korean korea json http https".split()
)
"""Words that orders to a machine are made of."""

PARTICLES = (
    "으로", "에서", "에게", "까지", "부터", "처럼", "보다", "이랑", "하고", "이라", "라는", "입니",
    "은", "는", "이", "가", "을", "를", "의", "에", "로", "와", "과", "도", "만", "랑",
)  # fmt: skip
"""What Korean puts right behind a name, the longer ones first."""
