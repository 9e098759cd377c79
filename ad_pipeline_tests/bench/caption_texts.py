"""Thirty narrations as people write them: numbers, prices, brand names, emoji; half Korean, half English."""

KOREAN = (
    "하루 종일 건조한 사무실, 피부가 먼저 지칩니다. 물을 머금은 듯 맑은 피부를 위해 만들었어요.",
    "단 3일! Laneige 워터뱅크 크림 50ml, 29,000원에 만나보세요. 1+1 혜택은 이번 주까지입니다.",
    "SPF50+ PA++++, 가볍게 발리는 선크림. 끈적임 없이 8시간, 바깥에서도 산뜻하게 지켜 드려요.",
    "나이아신아마이드 10%와 PDRN이 만나, 28일 후 피부 톤이 달라집니다. 직접 써 본 92%가 만족했습니다.",
    "아침마다 거울 앞에서 한숨 쉬던 날은 이제 그만. 설화수 자음생 에센스 한 방울이면 충분합니다 😊",
    "올리브영 1위, 누적 판매 1,000만 병. 많은 분이 다시 찾는 데에는 이유가 있습니다, 지금 확인하세요!",
    "11월 20일 오전 10시 30분, 딱 24시간만 열리는 특가. 놓치면 1년을 기다려야 해요.",
    "민감한 피부라면 pH 5.5 약산성 클렌저부터 시작하세요. 2주만 지나도 세안 후 당김이 사라집니다.",
    "COSRX 스네일 뮤신, 끈적임은 줄이고 영양은 그대로. 밤새 스며들어 아침이면 촉촉한 결이 살아나요.",
    "커피 한 잔 값으로 시작하는 하루 3분 두피 케어가 머리카락 한 올까지 건강하게 지켜 드립니다. 오늘부터예요.",
    "여행 가방에 쏙 들어가는 30g 미니 쿠션 하나로 어디서든 톡톡 다섯 번이면 아침의 화장이 살아납니다.",
    "우리 아이 첫 로션이라 향료도 색소도 넣지 않고 100시간 이어지는 보습만 담아 더 까다롭게 만들었습니다.",
    "퇴근하고 돌아온 밤 11시 지친 눈가에 콩알만큼 덜어 바르면 내일의 내가 먼저 고마워할 아이크림입니다.",
    "세라마이드 5,000ppm이 겨울바람에 지친 장벽을 촘촘하게 채워 한 번만 발라도 하루가 편안해집니다.",
    "지금 laneige.com에서 회원 가입하고 20% 쿠폰을 받으세요. 첫 구매 고객에게는 샘플 3종도 드립니다!",
)

ENGLISH = (
    "The office air is dry, and your skin knows it first. Meet the serum that melts in like morning water.",
    "Only three days left! Get Laneige Water Bank cream for $29.90, and take a second one home for free.",
    "SPF50+ PA++++ in a veil so light that you forget it is there. Eight hours of sun, not one white streak.",
    "With 10% niacinamide and pure PDRN, your tone looks clearer in 28 days. 92% of users agreed.",
    "Every day that begins in front of a mirror should end with a face you are glad to carry through your whole day.",
    "Ranked No. 1 in Korea, with over 10,000,000 bottles sold since 2019. There is a reason people come back.",
    "On November 20 at 10:30 AM, the doors open for just 24 hours. Miss it, and you wait another year.",
    "If your skin is sensitive, start with a pH 5.5 cleanser. After two weeks, that tight feeling is gone.",
    "COSRX snail mucin keeps the richness and leaves the stickiness behind. Wake up to skin that bounces.",
    "For the price of one cup of coffee your scalp gets three quiet minutes a day that you will feel down to the root.",
    "A 1 oz cushion that slips into any bag and brings your morning face back in five quick taps 😊 wherever you land.",
    "We made our baby's first lotion without perfume or dye because a hundred hours of moisture need nothing else.",
    "It is eleven at night, and your eyes have read enough. One drop of eye cream, and tomorrow starts softer.",
    "With 5,000 ppm of ceramide packed into every drop the barrier that winter took away comes back in a single night.",
    "Join today at laneige.com for 20% off, and your first order brings three samples of the new 1.7 fl oz balm!",
)
