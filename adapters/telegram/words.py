"""What the channel itself says, beside the sentences of the bot: labels, the menu, words for the company's people."""

from __future__ import annotations

from collections.abc import Sequence

from engine.text.language import detect

LANGUAGES = ("en", "zh")

_ENGLISH = {
    "language": "Just write: I answer in the language that you write in.",
    "chat_number": "The number of this chat is {value}",
    "thanks": "Thank you!",
    "person": "Person",
    "passed_on": "I pass you on to a person.",
    "wanted": "🙋 Somebody is waiting for a person.",
    "wrote": "💬 {value}",
    "edited": "✏️ {value}",
    "answer": "Answer",
    "give_back": "Back to the bot",
    "close": "Close",
    "whose": "Not sent: please reply to the message of mine that ends with # and a number.",
    "how_to_answer": "Reply to this message; what you write goes to the customer.",
    "sent": "✓ Sent to the customer.",
    "not_sent": "✗ Not sent: {value}",
    "given_back": "The bot answers again.",
    "closed": "Closed.",
    "menu_help": "What I can do",
    "menu_human": "Speak to a person",
    "menu_new": "Start afresh",
    "menu_why": "Where my last answer came from",
    "menu_forget": "Make me forget",
    "menu_language": "Which languages I speak",
    "menu_start": "Say hello",
}
_CHINESE = {
    "language": "直接说就好：您用什么语言写，我就用什么语言回答。",
    "chat_number": "本聊天的编号是 {value}",
    "thanks": "谢谢！",
    "person": "人工客服",
    "passed_on": "正在为您转接人工客服。",
    "wanted": "🙋 有客户在等人工客服。",
    "wrote": "💬 {value}",
    "edited": "✏️ {value}",
    "answer": "回复",
    "give_back": "交还机器人",
    "close": "结束",
    "whose": "未发出：请回复我发的那条以 # 加编号结尾的消息。",
    "how_to_answer": "请回复这条消息，您写的内容会发给客户。",
    "sent": "✓ 已发给客户。",
    "not_sent": "✗ 未能发出：{value}",
    "given_back": "现在由机器人继续回答。",
    "closed": "已结束。",
    "menu_help": "我会做什么",
    "menu_human": "转人工客服",
    "menu_new": "重新开始",
    "menu_why": "上一条回答的依据",
    "menu_forget": "让我忘记",
    "menu_language": "我会说哪些语言",
    "menu_start": "打个招呼",
}
_SENTENCES = dict(zip(LANGUAGES, (_ENGLISH, _CHINESE), strict=True))
_MENU = ("help", "human", "new", "why", "forget", "language", "start")


def say(name: str, language: str, value: object = "") -> str:
    """A sentence of the channel, in one of ``LANGUAGES``."""
    return _SENTENCES[language][name].replace("{value}", str(value))


def language_of(text: str) -> str:
    """The one of ``LANGUAGES`` that a text is in."""
    return detect(text, LANGUAGES)


def language_of_app(code: str | None) -> str:
    """The one of ``LANGUAGES`` for a customer whose app speaks ``code``, such as ``zh-hans``."""
    return "zh" if code is not None and code.lower().startswith("zh") else "en"


def menu(language: str) -> Sequence[tuple[str, str]]:
    """The commands for the menu and what they do."""
    return [(name, say(f"menu_{name}", language)) for name in _MENU]
