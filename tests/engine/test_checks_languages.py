"""Texts in another language than their entry: found where it is certain, else left alone."""

from __future__ import annotations

import pytest

from engine.checks.languages import another


@pytest.mark.parametrize(
    ("text", "locale", "language"),
    [
        ("寄到中国要多久？", "en", "zh"),
        ("How much is the delivery?", "zh", "en"),
        ("speak to a human", "zh-CN", "en"),
        ("Wie kann ich das zurückgeben?", "en", "de"),
        ("Quand est-ce que vous ouvrez le magasin ?", "en", "fr"),
        ("¿Dónde está mi pedido? No lo tengo", "en", "es"),
        ("Сколько стоит доставка?", "en", "ru"),
        ("配送はいくらですか", "zh", "ja"),
        ("배송비는 얼마인가요", "en", "ko"),
        ("Where is it and how do I get there?", "de", "en"),
        ("Where is it and how do I get there?", "ru", "en"),
    ],
)
def test_another_language_is_seen(text: str, locale: str, language: str) -> None:
    assert another(text, locale) == language


@pytest.mark.parametrize(
    ("text", "locale"),
    [
        ("PayPal?", "zh"),
        ("Heron 2 Brook Vegan", "zh"),
        ("可以用 Apple Pay 吗", "zh"),
        ("请写信给 help@the-shop.example and https://how-do-you.example", "zh"),
        ("do you stock 茶 or green tea", "en"),
        ("die cast toys", "en"),
        ("Am Hof", "en"),
        ("refund", "pl"),
        ("ile kosztuje dostawa", "pl"),
        ("配送", "ja"),
        ("配送はいくらですか", "ja"),
        ("Скільки коштує доставка?", "uk"),
        ("", "en"),
        ("12345 €", "zh"),
        ("👍", "en"),
    ],
)
def test_names_short_texts_and_the_own_language_are_left_alone(text: str, locale: str) -> None:
    assert another(text, locale) == ""
