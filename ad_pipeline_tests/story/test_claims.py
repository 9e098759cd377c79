"""Sentences of ads as people write them: what has to be flagged, and what must not be."""

from __future__ import annotations

import re
import time
import tomllib
import unicodedata
from importlib import resources

import pytest

from ad_pipeline.story.brief import Claim, StoryLanguage
from ad_pipeline.story.claims import claim_rules, flags_of

MOISTURE = Claim(text="3일 사용 후 92%가 촉촉함에 만족", source="예시 자료, 실제 시험 아님")
MOISTURE_EN = Claim(text="92% were happy with the moisture after 3 days", source="Sample data, not a real test")

HYDRATED_EN = Claim(text="92% felt their skin was more hydrated after 3 days", source="In-house survey, 30 women")
ALL_DAY = Claim(text="24시간 보습 지속 인체적용시험 완료", source="예시 시험 기관")
VEGAN = Claim(text="비건 인증", source="예시 인증 기관")
SUN = Claim(text="SPF50+ PA++++", source="기능성화장품 보고")
AWARD = Claim(text="2026 달빛 어워드 세럼 부문 1위", source="달빛 어워드 2026-05")
AWARD_EN = Claim(text="No. 1 serum of the Moonlight Awards 2026", source="Moonlight Awards")
PRICE = Claim(text="38,000 KRW", source="https://example.com/serum")

FLAGGED_KO = [
    ("이 크림 하나로 아토피 끝", "drug_effect"),
    ("여드름 완치, 이제 시작하세요", "drug_effect"),
    ("여드름을 싹 없애 주는 한 방울", "drug_effect"),
    ("염증을 가라앉히는 밤", "drug_effect"),
    ("항균 성분이 세균을 막아요", "drug_effect"),
    ("피부 재생을 돕는 앰플", "drug_effect"),
    ("흉터 제거, 이제 집에서", "drug_effect"),
    ("몸속 독소를 배출하는 디톡스 크림", "drug_effect"),
    ("피부과 처방 같은 세럼", "drug_effect"),
    ("붉은기 개선에 딱", "drug_effect"),
    ("진피층까지 침투하는 콜라겐", "drug_effect"),
    ("세포를 깨우는 세럼", "drug_effect"),
    ("바르기만 하면 살이 빠져요", "body_change"),
    ("붓기 빠지는 마사지", "body_change"),
    ("속눈썹이 길어지는 영양제", "body_change"),
    ("10년 젊어지는 비결", "body_change"),
    ("주름 걱정 끝", "functional"),
    ("다크서클이 사라져요", "functional"),
    ("EWG 그린 등급", "tested"),
    ("임산부도 안심하고 쓰세요", "tested"),
    ("30년 연구의 결실", "tested"),
    ("올리브영 1등 쿠션", "best"),
    ("피부 온도를 5도 낮춰요", "numbers"),
    ("5중 히알루론산", "numbers"),
    ("연예인이 쓰는 그 크림", "testimonial"),
    ("의약품처럼 확실하게", "drug_effect"),
    ("브이라인으로 바뀌는 얼굴", "body_change"),
    ("엑소좀 앰플", "body_change"),
    ("병원용 크림을 집에서", "expert_word"),
    ("스테로이드 성분 없음", "no_risk"),
    ("바르는 순간 사라지는 잔주름", "promise"),
    ("저자극 비건 로션", "tested"),
    ("가장 강력한 보습", "best"),
    ("화학 성분은 독입니다", "denigration"),
    ("만족도 98점", "numbers"),
    ("셀룰라이트 분해 바디 크림", "body_change"),
    ("지방을 분해하는 마사지 젤", "body_change"),
    ("탈모 치료, 샴푸로 시작", "body_change"),
    ("머리카락이 다시 자라는 샴푸", "body_change"),
    ("바르는 보톡스", "body_change"),
    ("피부 나이 -10세", "body_change"),
    ("의사가 추천하는 크림", "expert_word"),
    ("피부과 전문의가 개발한 앰플", "expert_word"),
    ("약사들이 먼저 쓰는 핸드크림", "expert_word"),
    ("저는 피부과 전문의입니다", "expert_word"),
    ("FDA 승인 성분", "expert_word"),
    ("식약처 인증 미스트", "expert_word"),
    ("부작용 걱정 없이 매일", "no_risk"),
    ("100% 안전한 성분만", "no_risk"),
    ("먹어도 되는 립밤", "no_risk"),
    ("효과를 보장합니다", "promise"),
    ("기적의 크림을 만나세요", "promise"),
    ("무조건 예뻐지는 쿠션", "promise"),
    ("미백 세럼으로 환한 아침", "functional"),
    ("주름 개선, 오늘부터", "functional"),
    ("자외선 차단은 이걸로 끝", "functional"),
    ("잡티를 지우는 한 방울", "functional"),
    ("인체적용시험을 마친 촉촉함", "tested"),
    ("임상으로 입증된 세럼", "tested"),
    ("특허 받은 물방울", "tested"),
    ("업계 최초의 물크림", "best"),
    ("판매 1위 쿠션", "best"),
    ("대한민국 최고의 세럼", "best"),
    ("유일한 성분, 단 하나의 크림", "best"),
    ("타사 대비 더 촉촉하게", "comparison"),
    ("에스티로더보다 좋은 크림", "comparison"),
    ("다른 크림은 전부 가짜예요", "denigration"),
    ("98%가 촉촉함을 느꼈어요", "numbers"),
    ("2주 만에 달라진 피부", "numbers"),
    ("보습력 3배", "numbers"),
    ("단 하루 만에 맑아진 얼굴", "numbers"),
    ("10명 중 9명이 선택", "numbers"),
    ("48시간 지속 보습", "numbers"),
    ("누적 100만 개 판매", "numbers"),
    ("실제 고객 후기를 들어 보세요", "testimonial"),
    ("제가 한 달 쓰고 나서 기미가 사라졌어요", "testimonial"),
    ("김지영 님(34세)", "testimonial"),
    ("비포 앤 애프터를 확인하세요", "before_after"),
    ("사용 전후 비교", "before_after"),
    ("배송은 내일, 3만 원 이상 무료", "offer"),
    ("지금 30% 할인", "offer"),
    ("지금 구매하면 1+1, 오늘 자정까지", "offer"),
    ("할인가 9,900원, 오늘만", "offer"),
    ("만구천구백 원에 만나요", "offer"),
    ("공짜로 드려요", "offer"),
    ("당첨되셨습니다", "offer"),
    ("재고 정리 세일!", "offer"),
    ("원 플러스 원", "offer"),
    ("주름 제로", "functional"),
    ("기미가 지워집니다", "functional"),
    ("모공이 작아집니다", "functional"),
    ("피부가 밝아집니다", "functional"),
    ("하얀 피부로 바뀝니다", "functional"),
    ("처짐이 올라붙어요", "functional"),
    ("탱탱하게 끌어올려요", "functional"),
    ("자외선으로부터 지켜요", "functional"),
    ("콜라겐이 차올라요", "drug_effect"),
    ("세포부터 달라집니다", "drug_effect"),
    ("코로나 바이러스 차단", "drug_effect"),
    ("우울증도 안녕", "drug_effect"),
    ("수면제 없이 잠들어요", "drug_effect"),
    ("뾰루지가 사라져요", "drug_effect"),
    ("아.토.피에도", "drug_effect"),
    ("여름을 처방받은 피부, 트러블 처방", "drug_effect"),
    ("붓기 쏙 빠져요", "body_change"),
    ("5kg 감량", "body_change"),
    ("머리카락이 납니다", "body_change"),
    ("십 년 젊어 보입니다", "body_change"),
    ("스무 살 피부로 돌아갑니다", "body_change"),
    ("약국에서만 팔던 크림", "expert_word"),
    ("병원 가지 마세요", "expert_word"),
    ("FDA 등록 크림", "expert_word"),
    ("더마톨로지스트가 만든 크림", "expert_word"),
    ("선크림은 필요 없어요", "no_risk"),
    ("무해한 성분만", "no_risk"),
    ("틀림없이 달라집니다", "promise"),
    ("누구나 효과를 봅니다", "promise"),
    ("절대 실패 없는 크림", "promise"),
    ("자극 제로", "tested"),
    ("피부 자극 0", "tested"),
    ("자극이 전혀 없어요", "tested"),
    ("논문으로 증명된 물", "tested"),
    ("서울대 연구팀이 밝혀낸", "tested"),
    ("하버드 박사의 선택", "tested"),
    ("노벨상 성분", "tested"),
    ("구십구 퍼센트가 만족", "numbers"),
    ("재구매율 90", "numbers"),
    ("아홉 명이 재구매", "numbers"),
    ("3초 만에 흡수", "numbers"),
    ("보습은 두 배", "numbers"),
    ("평점 4.9", "testimonial"),
    ("국내 판매 일등", "best"),
    ("일 위 크림", "best"),
    ("대한민국 대표 크림", "best"),
    ("최고의 나이트 크림", "best"),
    ("만 원에 가져가세요", "offer"),
    ("하나 사면 하나 더", "offer"),
    ("구매하면 선물을 드려요", "offer"),
    ("가격은 19,000", "offer"),
    ("팔자주름 안녕", "functional"),
    ("주름 없는 피부", "functional"),
    ("하얘지는 피부", "functional"),
    ("콜라겐을 채워요", "drug_effect"),
    ("세포가 살아나요", "drug_effect"),
    ("92프로가 만족", "numbers"),
    ("열에 아홉은 만족", "numbers"),
    ("십중팔구 만족", "numbers"),
    ("전 세계가 인정한 크림", "best"),
]

INNOCENT_KO = [
    "물을 머금은 듯 촉촉한 아침",
    "산뜻한 마무리, 끈적임 없이",
    "맑은 톤으로 시작하는 하루",
    "빛나는 피부, 오늘의 나",
    "손끝에서 맑게 퍼지는 감촉",
    "좋아하는 노래를 다시 재생하듯",
    "재생지로 만든 상자에 담았어요",
    "오늘은 디지털 디톡스",
    "최고의 하루는 세안에서 시작돼요",
    "오늘 최고 기온 36도, 그래도 산뜻",
    "하루 중 유일한 나만의 시간",
    "오랜만에 만난 친구처럼 반가운 향",
    "십 년 만에 다시 만난 우리",
    "어제보다 맑은 오늘",
    "생각보다 가벼운 크림",
    "첫 향보다 깊은 잔향",
    "휴대폰 배터리 5%, 내 피부는?",
    "50ml 한 병에 담은 아침",
    "아침 7시, 알람이 울려요",
    "스무 살의 첫 메이크업",
    "톡톡 두드리는 3초의 여유",
    "하루 두 번, 세안 후에",
    "세 가지 색, 세 가지 기분",
    "퇴근 전후로 달라지는 내 얼굴색",
    "수상한 고양이가 화장대에 앉았다",
    "인증샷 찍고 싶은 컬러",
    "치약처럼 하얀 구름",
    "주름치마가 살랑이는 오후",
    "위로가 필요한 밤에",
    "1위가 아니어도 괜찮아, 나답게",
    "병원 앞 벚꽃길을 걷다가",
    "박사 과정 3년 차, 나를 위한 시간",
    "배불리 먹고 마스크팩 한 장",
    "친구에게 추천하고 싶은 향",
    "보장된 휴식은 없어도 잠깐의 숨",
    "완벽하지 않아도 괜찮은 아침",
    "이 제품은 질병의 치료를 목적으로 하지 않습니다",
    "약이 아니라 하루의 쉼표",
    "100% 나답게",
    "두 배송지로 나눠 보내요",
    "두 볼에 톡톡, 복숭앗빛",
    "붉은 노을을 닮은 립",
    "피부에 닿는 순간 사르르",
    "거울 앞에서 웃게 되는 발색",
    "바람이 차가워지면 꺼내는 크림",
    "모두가 잠든 밤, 나를 위한 오 분",
    "정오의 햇빛 아래서도 자연스럽게",
    "향기로 기억되는 사람",
    "햇살 빠지는 창가에서",
    "브이라인을 자연스럽게 연출하는 쉐딩",
    "식물 유래 줄기세포라는 이름의 향",
    "나는 박사 논문을 쓰는 중",
    "아침을 먹을 수 있는 시간이 남은 날",
    "최상의 기분으로 나서는 길",
    "하루 종일 촉촉한 기분",
    "커피보다 먼저 찾게 되는 한 방울",
    "화장이 잘 먹는 날",
    "두 번 바르지 않아도 선명한 발색",
    "세안 후 30초, 나의 골든타임",
    "물에 닿아도 번지지 않는 틴트",
    "균형 잡힌 하루의 시작",
    "기온이 5도 내려간 출근길",
    "영하 3도의 아침, 두 볼에 온기",
    "칠판 앞에 서 있던 삼십 년",
    "최강 한파에도 웃는 얼굴",
    "하루 중 가장 좋은 시간",
    "두 배로 즐거운 주말",
    "오 분 만에 준비 끝, 문을 나서요",
    "마음의 치유가 필요한 밤",
    "내일은 패션 유전자처럼 반짝",
    "자외선이 좋은 사람은 없잖아요",
    "3초 만에 사르르",
    "주름을 펴듯 이불을 펴고",
    "최고의 나를 만나는 시간",
    "여름을 처방해 드릴게요",
    "처방전: 하루 한 번, 물 한 컵",
    "오늘의 처방은 휴식",
    "피부 온도가 내려가는 듯한 시원함",
    "여드름 자국도 내 역사",
    "용량은 두 배, 가격은 그대로",
    "햇살은 공짜",
    "걱정은 오늘만 반값",
    "무료한 오후, 손끝의 산책",
    "세상에 공짜는 없지만",
    "당첨된 것처럼 설레는 아침",
    "1원칙은 느긋함",
    "세일러복을 입던 봄",
    "일 년 만의 바다",
    "이천 원림의 오솔길",
    "행복 바이러스를 나르는 사람",
    "감기 조심하세요",
    "뾰루지도 귀여운 열아홉",
    "콜라겐처럼 탱글한 젤리",
    "세포분열을 배우던 여름",
    "여드 름하게 말고",
    "자기 전, 한 번",
    "5kg 쌀 포대를 든 아빠",
    "머리카락이 향기로워요",
    "십 년 지기 친구",
    "스무 살 피부로 만난 봄",
    "약국 옆 꽃집",
    "병원 가는 길의 은행나무",
    "선크림은 필요한 만큼",
    "틀림없이 봄이에요",
    "누구나 처음은 서툴러요",
    "절대 놓칠 수 없는 노을",
    "처진 어깨를 펴는 노래",
    "자극적인 소식은 끄고",
    "논문 쓰는 밤의 향",
    "증명사진 찍는 날",
    "노벨상 받은 소설을 읽는 밤",
    "일 위 아래로 분주한 손",
    "대한민국 대표팀을 응원해요",
    "백 퍼센트 나답게",
    "재구매 알림이 울린 아침",
    "평점 없는 하루",
    "톤이 환해 보이는 핑크빛",
    "피부가 밝아 보이는 조명",
    "만원 버스에 오르는 아침",
    "하나 사면서 하나 웃고",
    "가격표를 떼는 설렘",
    "주름 많은 커튼",
    "안녕, 잡채와 봄",
    "하얘지는 창밖",
    "콜라겐 한 병",
    "세포 관찰 숙제",
    "프로가 되는 길",
    "열에 들뜬 밤",
    "세계가 잠든 밤",
    "연구팀 회의가 끝나고",
    "노벨상은 없어도",
    "1+1=귀요미",
    "2+1층에서 만나요",
    "모공이 작아 보이는 베이스",
    "봄에 당첨받은 기분",
]

FLAGGED_EN = [
    ("Cures acne overnight", "drug_effect"),
    ("It heals damaged skin", "drug_effect"),
    ("Treats eczema from day one", "drug_effect"),
    ("Say goodbye to acne", "drug_effect"),
    ("An anti-inflammatory serum", "drug_effect"),
    ("Kills 99% of bacteria", "drug_effect"),
    ("Regenerates your cells while you sleep", "drug_effect"),
    ("Boosts collagen in every drop", "drug_effect"),
    ("A detoxifying mask that flushes out toxins", "drug_effect"),
    ("A gentle treatment for acne", "drug_effect"),
    ("Penetrates deep into the dermis", "drug_effect"),
    ("Lash growth serum", "body_change"),
    ("Erase ten years", "body_change"),
    ("Tightens pores instantly", "functional"),
    ("Makes pores vanish", "functional"),
    ("Calms redness in minutes", "functional"),
    ("Gentle enough for babies", "tested"),
    ("No parabens, no nasties", "tested"),
    ("Loved by millions", "numbers"),
    ("Celebrity-approved glow", "testimonial"),
    ("Powered by stem cells", "body_change"),
    ("A skin-whitening ritual", "functional"),
    ("The most effective drop", "best"),
    ("Parabens are poison", "denigration"),
    ("Twice the moisture", "numbers"),
    ("Melts away stubborn fat", "body_change"),
    ("The end of cellulite", "body_change"),
    ("Regrows your hair", "body_change"),
    ("Botox in a bottle", "body_change"),
    ("Look 10 years younger", "body_change"),
    ("It reverses aging", "body_change"),
    ("FDA approved skincare", "expert_word"),
    ("I am a dermatologist and I use it daily", "expert_word"),
    ("Doctors love this serum", "expert_word"),
    ("Dermatologist recommended", "expert_recommended"),
    ("Formulated by leading dermatologists", "expert_recommended"),
    ("No side effects, ever", "no_risk"),
    ("Side-effect free care", "no_risk"),
    ("100% safe for everyone", "no_risk"),
    ("Guaranteed results", "promise"),
    ("A miracle cream for tired skin", "promise"),
    ("Works for everyone", "promise"),
    ("Reduces fine lines and wrinkles", "functional"),
    ("An anti-aging cream that lifts your face", "functional"),
    ("SPF 50 for every morning", "functional"),
    ("Fades dark spots", "functional"),
    ("Repairs the skin barrier", "functional"),
    ("Clinically proven hydration", "tested"),
    ("Hypoallergenic and cruelty-free", "tested"),
    ("An award-winning formula", "tested"),
    ("Korea's No. 1 cushion", "best"),
    ("The best serum in the world", "best"),
    ("The world's first water cream", "best"),
    ("#1 best seller", "best"),
    ("Better than any other cream", "comparison"),
    ("More hydrating than La Mer", "comparison"),
    ("Unlike other serums, it stays", "comparison"),
    ("Other brands sell you garbage", "denigration"),
    ("98% saw softer skin", "numbers"),
    ("Visible in two weeks", "numbers"),
    ("3x more moisture", "numbers"),
    ("9 out of 10 women agree", "numbers"),
    ("48-hour hydration", "numbers"),
    ("Over 2 million bottles sold", "numbers"),
    ("Our customers love it", "testimonial"),
    ("“My skin cleared in days” - Anna K.", "testimonial"),
    ("Five-star reviews from real customers", "testimonial"),
    ("See the before and after", "before_after"),
    ("Save 30% this weekend", "offer"),
    ("Up to 20% off today", "offer"),
    ("Buy one, get one until Sunday", "offer"),
    ("Now $28", "offer"),
    ("Only 28,000 won", "offer"),
    ("A free gift with every order", "offer"),
    ("Yours for free", "offer"),
    ("You have won", "offer"),
    ("Clears your skin overnight", "drug_effect"),
    ("Zap zits", "drug_effect"),
    ("Throw away your pills", "drug_effect"),
    ("Nature's sleep aid", "drug_effect"),
    ("Protects from covid", "drug_effect"),
    ("Detox your skin", "drug_effect"),
    ("Ten years younger", "body_change"),
    ("A decade younger", "body_change"),
    ("Grow longer lashes", "body_change"),
    ("FDA registered", "expert_word"),
    ("Dermatologists' favorite", "expert_word"),
    ("My doctor gave me this", "expert_word"),
    ("No sunscreen needed", "no_risk"),
    ("It replaces your sunscreen", "no_risk"),
    ("It always works", "promise"),
    ("Works every time", "promise"),
    ("Guaranteed to lift", "promise"),
    ("Wrinkles vanish", "functional"),
    ("Lighter skin in days", "functional"),
    ("Lifts sagging cheeks", "functional"),
    ("Harvard scientists made it", "tested"),
    ("Nobel prize science", "tested"),
    ("Science-backed", "tested"),
    ("Zero irritation", "tested"),
    ("Never irritates", "tested"),
    ("Award-winning cream", "tested"),
    ("Number 1", "best"),
    ("The greatest cream", "best"),
    ("Nothing works better", "best"),
    ("Unlike other creams", "comparison"),
    ("9/10 women", "numbers"),
    ("Over a million sold", "numbers"),
    ("Smoother in ten seconds", "numbers"),
    ("4.9 stars", "testimonial"),
    ("Rated 4.9/5", "testimonial"),
    ("Clear skin in days", "drug_effect"),
    ("Get 2 for 1", "offer"),
    ("Two for one", "offer"),
    ("Free mini inside", "offer"),
    ("Win a trip", "offer"),
    ("No more wrinkles", "functional"),
    ("Erase your wrinkles", "functional"),
    ("Look younger", "functional"),
    ("Younger skin in a week", "functional"),
    ("Doctor's choice", "expert_word"),
    ("FDA listed", "expert_word"),
    ("Ranked first", "best"),
]

INNOCENT_EN = [
    "Skin that looks like still water",
    "A glow that follows you home",
    "A hydrated look, all soft light",
    "Fresh, dewy, done",
    "One light drop, gone in a touch",
    "A healthy glow for a long day",
    "The best minute of your day",
    "The best part of Monday",
    "The only thing on my list today",
    "Treat yourself to a slow morning",
    "A treat for tired hands",
    "A digital detox with a warm bath",
    "Time to unwind",
    "Ready in five minutes",
    "Thirty seconds before the door",
    "Three shades, three moods",
    "Two times a day, after cleansing",
    "It is not a medicine, it is a pause",
    "It does not treat anything but your mood",
    "For the very first time this spring",
    "A scent for before and after work",
    "Battery at 5%, smile at full",
    "After three days of rain, the sun",
    "In five minutes you are out of the door",
    "Colour that lifts your mood",
    "A lipstick that stays with your smile",
    "Softer than the first snow",
    "Lighter than it looks",
    "A clean scent that lingers",
    "A natural finish for natural light",
    "Brighten your morning",
    "A brighter start to the day",
    "Smooth as silk on the skin",
    "Plump little peach of a blush",
    "The curtain lifts, the show begins",
    "Twice a day, unhurried",
    "Experts in slow mornings",
    "Doctor, lawyer, student: everyone has a Monday",
    "A friend recommended it to a friend",
    "Certified night owl? Same.",
    "Made with care, down to the last detail",
    "Number two pencil, first coffee, one deep breath",
    "Iron the shirt, not the smile",
    "No hurry, no rush, only water",
    "The sun is up and so are you",
    "A perfect day needs one small pause",
    "Worth every second in the mirror",
    "Feel it melt as you press",
    "Old stone, soft silk, first light",
    "A scent of plant stem cells and rain",
    "Iron out the wrinkles in a silk shirt",
    "Double the fun, half the bag",
    "100% me, before coffee",
    "Colour that stays through coffee",
    "One swipe and out of the door",
    "Feels like a second skin",
    "No filter, no fuss",
    "Loved by your mirror",
    "A healing walk in the forest",
    "The remedy for Mondays",
    "Gone in a second, remembered all day",
    "See you in two weeks",
    "The first serum I ever finished",
    "A five-star nap",
    "Organic shapes on a white table",
    "2 x 50ml in one box",
    "Treat your skin to a night in",
    "Detox your feed, not your face",
    "Permanent vacation glow",
    "Guaranteed good mood",
    "I guarantee you'll smile",
    "Perfect skin is boring",
    "100% cotton pajamas, 100% glow",
    "Twice the shine, half the effort",
    "Ready in ten seconds",
    "Vegan? Ask my cat",
    "Unlike other mornings",
    "Award-winning naps",
    "Smile for free",
    "Never discount your glow",
    "Feel free to stay in",
    "A fear-free morning",
    "Clear skies ahead",
    "Pack your pills of patience",
    "A sleepy aide-memoire",
    "Ten years of friendship",
    "My doctor is on holiday",
    "Never skip your sunscreen",
    "Always on my shelf",
    "It works while I hum",
    "Wrinkled linen, easy morning",
    "Lighter than a whisper",
    "Nobel novels on the shelf",
    "A university sweater",
    "Number 12 on the door",
    "One in a million",
    "3/4 asleep",
    "Under four thousand stars",
    "Number one fan of naps",
    "I saved it for later",
    "Clear skin, clear mind",
    "You have won my heart",
    "Lighter skin feel",
    "Wrinkles fade from the linen",
    "Younger days, older songs",
    "Two for the road",
    "Free miniature golf of the mind",
    "Win a smile",
    "The doctor's chair is empty",
    "I ranked my lipsticks",
    "No more waiting",
]


def _rules(text: str, language: StoryLanguage) -> list[str]:
    return [flag.rule.name for flag in flags_of(text, language)]


def test_the_table_is_long_enough_and_half_innocent() -> None:
    for flagged, innocent in ((FLAGGED_KO, INNOCENT_KO), (FLAGGED_EN, INNOCENT_EN)):
        assert len(flagged) + len(innocent) >= 100
        assert len(set(innocent)) >= 50


@pytest.mark.parametrize(("text", "rule"), FLAGGED_KO)
def test_a_korean_sentence_that_goes_too_far_is_flagged(text: str, rule: str) -> None:
    assert rule in _rules(text, "ko")


@pytest.mark.parametrize("text", INNOCENT_KO)
def test_ordinary_korean_beauty_copy_passes(text: str) -> None:
    assert _rules(text, "ko") == []


@pytest.mark.parametrize(("text", "rule"), FLAGGED_EN)
def test_an_english_sentence_that_goes_too_far_is_flagged(text: str, rule: str) -> None:
    assert rule in _rules(text, "en")


@pytest.mark.parametrize("text", INNOCENT_EN)
def test_ordinary_english_beauty_copy_passes(text: str) -> None:
    assert _rules(text, "en") == []


@pytest.mark.parametrize("rule", claim_rules())
def test_every_rule_names_its_law_source_date_and_fix(rule: str) -> None:
    found = claim_rules()[rule]

    assert found.law
    assert re.search(r"https?://|\w+\.\w{2,}", found.source)
    assert re.fullmatch(r"2026-\d\d-\d\d", found.checked_on)
    assert re.search(r"[가-힣]", found.fixes["ko"])
    assert found.fixes["en"].isascii() or "“" in found.fixes["en"]


def test_every_pattern_of_every_rule_is_met_by_some_sentence() -> None:
    told = {
        "ko": [text for text, _ in FLAGGED_KO],
        "en": [text for text, _ in FLAGGED_EN],
        "innocent_ko": INNOCENT_KO,
        "innocent_en": INNOCENT_EN,
    }
    rows = tomllib.loads((resources.files("ad_pipeline.story") / "claim_rules.toml").read_text(encoding="utf-8"))

    idle = [
        (name, pattern)
        for name, row in rows.items()
        if isinstance(row, dict)
        for kind, sentences in told.items()
        for pattern in row.get(kind, ())
        if not any(re.search(pattern, text.lower()) for text in sentences)
    ]

    assert idle == []


def test_every_rule_is_met_by_some_sentence_of_the_tables() -> None:
    met = {rule for _, rule in (*FLAGGED_KO, *FLAGGED_EN)}

    assert met == set(claim_rules())


@pytest.mark.parametrize(
    ("text", "claim", "language"),
    [
        ("3일 사용 후 92%가 촉촉함에 만족.", MOISTURE, "ko"),
        ("3일 사용 후\n92%가 촉촉함에 만족\n예시 자료, 실제 시험 아님", MOISTURE, "ko"),
        ("92퍼센트가 촉촉함에 만족했어요", MOISTURE, "ko"),
        ("92% were happy with the moisture after 3 days.", MOISTURE_EN, "en"),
        ("After three days, 92% felt happy with the moisture", MOISTURE_EN, "en"),
        ("촉촉함 만족도 92%", MOISTURE, "ko"),
        ("단 3일, 92%가 느낀 촉촉함", MOISTURE, "ko"),
        ("3일 써 본 92%의 대답, 촉촉하다", MOISTURE, "ko"),
        ("구십이 퍼센트가 촉촉함에 만족", MOISTURE, "ko"),
        ("30명 중 92%가 촉촉함에 만족", Claim(text=MOISTURE.text, source="자사 조사, 30명"), "ko"),
        ("92% agree: skin feels hydrated after three days", HYDRATED_EN, "en"),
        ("24시간 촉촉함이 이어져요", ALL_DAY, "ko"),
        ("인체적용시험으로 확인한 24시간 보습", ALL_DAY, "ko"),
        ("비건 인증을 받았어요", VEGAN, "ko"),
        ("비건이라 더 편안하게", VEGAN, "ko"),
        ("SPF50+ PA++++ protection", SUN, "en"),
        ("UV protection that you forget", SUN, "en"),
        ("It protects from the sun", SUN, "en"),
        ("SPF 50+ without the white cast", SUN, "en"),
        ("자외선 차단은 물처럼 가볍게", SUN, "ko"),
        ("달빛 어워드 세럼 1위", AWARD, "ko"),
        ("달빛 어워드가 뽑은 세럼 부문 1위", AWARD, "ko"),
        ("No. 1 serum of the Moonlight Awards", AWARD_EN, "en"),
        ("#1 serum of the Moonlight Awards", AWARD_EN, "en"),
        ("백만 병 판매", Claim(text="누적 판매 100만 병", source="자사 집계"), "ko"),
        ("지금 38,000원", PRICE, "ko"),
        ("3만 8천 원에 만나요", Claim(text="정가 3만8천원에 만나요", source="판매 페이지"), "ko"),
        ("Now ₩38,000", PRICE, "en"),
        ("Only $28", Claim(text="28.00 USD", source="https://example.com/serum"), "en"),
        ("지금 30% 할인", Claim(text="11월 한정 30% 할인", source="행사 계획"), "ko"),
    ],
)
def test_a_claim_carries_its_own_numbers_and_words(text: str, claim: Claim, language: StoryLanguage) -> None:
    flags = flags_of(text, language, supported=[claim])

    assert flags
    assert [flag.supported_by for flag in flags] == [claim] * len(flags)


@pytest.mark.parametrize(
    ("text", "claim", "language"),
    [
        ("3일 사용 후 95%가 촉촉함에 만족", MOISTURE, "ko"),
        ("3주 사용 후 92%가 촉촉함에 만족", MOISTURE, "ko"),
        ("92%가 주름에 만족", MOISTURE, "ko"),
        ("3일 만에 탄력까지 개선", MOISTURE, "ko"),
        ("촉촉함 세 배", MOISTURE, "ko"),
        ("임상으로 촉촉함에 만족", MOISTURE, "ko"),
        ("92% saw fewer wrinkles after 3 days", MOISTURE_EN, "en"),
        ("92% were happy after 1 day", MOISTURE_EN, "en"),
        ("Twice the moisture", MOISTURE_EN, "en"),
        ("3x the moisture", MOISTURE_EN, "en"),
        ("92% 만족", MOISTURE, "ko"),
        ("92% 만족, 3일의 변화", MOISTURE, "ko"),
        ("92%가 만족. 촉촉함은 그다음", MOISTURE, "ko"),
        ("92%가 촉촉하고 편안함에 만족", MOISTURE, "ko"),
        ("구십삼 퍼센트가 촉촉함에 만족", MOISTURE, "ko"),
        ("92% agree", HYDRATED_EN, "en"),
        ("92% more hydration", HYDRATED_EN, "en"),
        ("48시간 촉촉함이 이어져요", ALL_DAY, "ko"),
        ("24시간 탄력 지속", ALL_DAY, "ko"),
        ("유기농 인증을 받았어요", VEGAN, "ko"),
        ("비건이라 더 하얗게", VEGAN, "ko"),
        ("SPF30 without the white cast", SUN, "en"),
        ("Protects against pollution", SUN, "en"),
        ("SPF50+ PA+++++ protection", SUN, "en"),
        ("1위 세럼", AWARD, "ko"),
        ("한국 달빛몰 1위 쿠션", Claim(text="달빛몰 1위 쿠션", source="달빛몰"), "ko"),
        ("달빛 어워드 1위", AWARD, "ko"),
        ("대한민국 1위 세럼", AWARD, "ko"),
        ("The No. 1 serum", AWARD_EN, "en"),
        ("천만 병 판매", Claim(text="누적 판매 100만 병", source="자사 집계"), "ko"),
        ("지금 28,000원", PRICE, "ko"),
        ("특가 38,000원", PRICE, "ko"),
        ("지금 50% 할인", Claim(text="11월 한정 30% 할인", source="행사 계획"), "ko"),
    ],
)
def test_a_claim_does_not_carry_what_it_does_not_say(text: str, claim: Claim, language: StoryLanguage) -> None:
    assert any(flag.stands for flag in flags_of(text, language, supported=[claim]))


def test_a_counted_word_is_the_same_number_as_its_figure() -> None:
    double = Claim(text="바른 직후 보습 2배", source="자체 시험")

    assert not any(flag.stands for flag in flags_of("바른 직후 보습 두 배", "ko", supported=[double]))
    assert any(flag.stands for flag in flags_of("바른 직후 보습 세 배", "ko", supported=[double]))


def test_a_clause_runs_over_a_lines_end_but_not_over_an_empty_line() -> None:
    one = flags_of("92%가 촉촉함에 만족\n주름까지 편안한 밤", "ko", supported=[MOISTURE])
    two = flags_of("92%가 촉촉함에 만족\n\n주름까지 편안한 밤", "ko", supported=[MOISTURE])

    assert [flag.stands for flag in one] == [True]
    assert [flag.stands for flag in two] == [False]


def test_no_source_makes_the_forbidden_right() -> None:
    said = "여드름 완치"

    flags = flags_of(said, "ko", supported=[Claim(text=said, source="대학 병원 연구")])

    assert [flag.stands for flag in flags if flag.severity == "forbidden"] == [True]


def test_a_claim_that_denies_does_not_carry_the_assertion() -> None:
    claim = Claim(text="88%는 완벽한 커버가 아니라고 답함", source="자체 조사")

    assert all(flag.stands for flag in flags_of("88%가 완벽한 커버", "ko", supported=[claim]))
    for text in (claim.text, "92%가 만족, 끈적임이 없다고 답함"):
        assert not any(f.stands for f in flags_of(text, "ko", supported=[Claim(text=text, source="자체 조사")]))


def test_a_products_own_name_needs_no_proof_but_may_not_be_forbidden() -> None:
    sun = "워터 선크림 SPF50+"

    assert flags_of(f"{sun}. 물처럼 가벼운 자외선 차단", "ko", names=[sun]) == ()
    assert flags_of(f"{sun}. SPF30이면 충분", "ko", names=[sun]) != ()
    assert flags_of("물처럼 가벼운 자외선 차단", "ko", names=["워터 크림"]) != ()
    assert [f.rule.name for f in flags_of("여드름 치료 크림", "ko", names=["여드름 치료 크림"])] == ["drug_effect"]


def test_a_finding_tells_the_words_as_they_stand_and_what_to_do() -> None:
    (flag,) = flags_of("Fresh.  It HEALS your skin.", "en")

    assert flag.words == ("HEALS",)
    assert flag.clause == "It HEALS your skin"
    assert "medicine" in flag.fix("en")
    assert "약" in flag.fix("ko")


def test_letters_in_disguise_are_read_as_what_they_are() -> None:
    assert "no_risk" in _rules("１００％ 안전한 크림", "ko")
    assert "drug_effect" in _rules("여드름 치\u200b료", "ko")
    assert "drug_effect" in _rules("ｃｕｒｅs everything", "en")
    assert "numbers" in _rules(f"{'9' * 60}%가 만족", "ko")
    assert "numbers" in _rules(f"{'.' * 60}98%가 만족", "ko")
    assert "drug_effect" in _rules(unicodedata.normalize("NFD", "아토피 안녕"), "ko")


def test_a_letter_that_grows_when_small_moves_no_finding() -> None:
    (flag,) = flags_of("İİİ Vegan", "en")

    assert flag.words == ("Vegan",)


def test_english_words_are_found_in_korean_copy() -> None:
    assert "best" in _rules("드디어 No.1 쿠션", "ko")
    assert "expert_word" in _rules("FDA approved 크림", "ko")


@pytest.mark.parametrize(
    "part", ["가", "a", "a b ", "보다 ", "100", "9,", "1 ", "1, ", " 일", "다른 제품 ", "제가 바르고 ", '"- a ']
)
def test_a_long_text_of_repeated_parts_is_read_at_once(part: str) -> None:
    text = (part * 4000)[:4000]
    began = time.thread_time()

    flags_of(text, "ko")

    assert time.thread_time() - began < 0.5
