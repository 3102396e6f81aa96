"""Every fixed sentence of the bot, in every language; ``[wording.LOCALE]`` of the configuration overrides them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping

from bot.errors import ConfigError

_ENGLISH = {
    "welcome": "Hello! I am {bot}. Ask me anything about us; /help shows what else I can do.",
    "unsure": "I am sorry, I don't know that. Would you like to speak to a person? Just write /human.",
    "clarify": "Which of these do you mean?",
    "near_miss": "I am not sure I have an answer to that; /human takes you to a person. The nearest I know about:",
    "wordless": "I can only read words. What would you like to know?",
    "puzzled": "Was my answer not clear, or not what you meant? Please ask in other words, or write /human.",
    "meaningless": "I cannot make sense of that. Could you put it in a few words?",
    "hostile": (
        "I can tell that you are angry, and I am sorry. Tell me in a few words what it is about and I will do my best, "
        "or write /human for a person."
    ),
    "upset": "I am sorry for the trouble.",
    "left_open": (
        "I have no sure answer to this part: “{part}” Please ask it once more by itself, or write /human for a person."
    ),
    "handoff": "I am passing this on to a colleague, who will read our conversation and answer here.",
    "handoff_closed": (
        "I am passing this on. My colleagues are here {hours}; they will read our conversation and answer here."
    ),
    "waiting": "Your message has been added for my colleague. Write /new to talk to me again instead.",
    "person": "A colleague is looking after this conversation and will answer here.",
    "empty": "I did not get any text. What would you like to know?",
    "attachment": "I cannot look at what you sent, but I have noted it for my colleagues. What is it about, in words?",
    "too_long": "This message is too long for me: please keep it within {limit} characters.",
    "trouble": "Something went wrong on my side, and I could not answer. Please try again in a moment.",
    "busy": "I have a lot to do right now. Please try again in a moment.",
    "no_model": "I have not learned anything yet, so I cannot answer. Write /human for a person.",
    "new": "Let us start afresh. What would you like to know?",
    "help": (
        "Ask in your own words. /why shows where my last answer came from, /human passes you on to a person, "
        "/new starts afresh, /forget makes me forget what you told me, /help shows this."
    ),
    "forget_which": (
        "What shall I forget? /forget conversation deletes this conversation; /forget me deletes it and every other "
        "one here that I know to be yours."
    ),
    "forgotten_conversation": "Done: I have forgotten this conversation, and what was said in it is deleted.",
    "forgotten_me": (
        "Done: I have forgotten you. What was said in this conversation, and in every other one here that I know to "
        "be yours, is deleted."
    ),
    "nothing_to_explain": "I have not answered anything yet that I could explain.",
    "unknown_command": "I do not know the command {command}. /help shows those that I know.",
    "offer_person": "Would you rather speak to a person? Just write /human.",
    "noted": "Thank you, I have noted that.",
    "form_left": "All right, we leave it at that. What else can I do for you?",
    "ask_name": "What is your name, please?",
    "ask_order_number": "What is your order number, please?",
    "ask_email": "What is your e-mail address, please?",
    "ask_phone": "What is your phone number, please?",
    "ask_date": "Which day do you mean, please?",
    "ask_time": "What time do you mean, please?",
    "ask_amount": "What is the amount, please?",
    "ask_product": "Which product is it about, please?",
    "ask_person": "Which person do you mean, please?",
    "ask_place": "Which place do you mean, please?",
    "ask_card": "What is the card number, please?",
    "ask_iban": "What is the IBAN, please?",
    "ask_id_number": "What is the ID number, please?",
    "ask_slot": "Please tell me: {slot}?",
    "summary_about": "It is about: {text}",
    "summary_tried": "Answered so far: {text}",
    "summary_slots": "Known: {text}",
    "summary_upset": "The customer is upset.",
    "summary_angry": "The customer is angry.",
    "summary_open": "Still open: {text}",
    "slot_name": "name",
    "slot_order_number": "order number",
    "slot_email": "e-mail",
    "slot_date": "day",
    "slot_amount": "amount",
    "slot_phone": "phone",
    "slot_card": "card",
    "slot_iban": "IBAN",
    "slot_id_number": "ID number",
    "slot_product": "product",
    "slot_person": "person",
    "slot_place": "place",
    "slot_time": "time",
}
_CHINESE = {
    "welcome": "您好！我是{bot}，欢迎随时提问；输入 /help 可以看到我会做的事。",
    "unsure": "抱歉，这个问题我不清楚。需要为您转接人工客服吗？输入 /human 即可。",
    "clarify": "请问您想问的是哪一个？",
    "near_miss": "这个问题我不确定能不能回答；输入 /human 可转人工客服。我知道的相近内容有：",
    "wordless": "我只看得懂文字。请问您想了解什么？",
    "puzzled": "是我没有说清楚，还是没有答对？请换个说法再问一次，或输入 /human 转人工客服。",
    "meaningless": "我没看懂这条消息，能换个说法再讲一遍吗？",
    "hostile": "看得出您很生气，非常抱歉。请用几句话告诉我是什么事，我会尽力帮您；也可以输入 /human 转人工客服。",
    "upset": "给您添麻烦了，非常抱歉。",
    "left_open": "这一部分我没有把握回答：“{part}”请单独再问一次，或输入 /human 转人工客服。",
    "handoff": "我这就转给同事，他们会看到我们的对话，并在这里回复您。",
    "handoff_closed": "我已转给同事。他们的工作时间是 {hours}，看到后会在这里回复您。",
    "waiting": "您的留言已转给同事。如果想继续和我聊，请输入 /new。",
    "person": "同事正在处理这次对话，会在这里回复您。",
    "empty": "我没有收到文字。请问您想了解什么？",
    "attachment": "您发来的内容我看不了，但已为同事记下。请用文字告诉我是什么事？",
    "too_long": "这条消息太长了，请控制在 {limit} 个字以内。",
    "trouble": "我这边出了点问题，没能回答您，请稍后再试。",
    "busy": "我现在有点忙，请稍后再试。",
    "no_model": "我还没有学到任何知识，无法回答。输入 /human 转人工客服。",
    "new": "好的，我们重新开始。请问您想了解什么？",
    "help": (
        "请直接用自己的话提问。/why 查看上一条回答的依据，/human 转人工客服，/new 重新开始，"
        "/forget 让我忘记您说过的话，/help 显示本说明。"
    ),
    "forget_which": (
        "您想让我忘记什么？输入 /forget 会话，删除这次对话；输入 /forget 我，连同我知道属于您的其他对话一起删除。"
    ),
    "forgotten_conversation": "好的，我已忘记这次对话，其中的内容已经删除。",
    "forgotten_me": "好的，我已忘记您：这次对话，以及我知道属于您的其他对话，内容都已删除。",
    "nothing_to_explain": "我还没有可以说明依据的回答。",
    "unknown_command": "我不认识命令 {command}。输入 /help 查看可用命令。",
    "offer_person": "需要为您转接人工客服吗？输入 /human 即可。",
    "noted": "好的，我记下了。",
    "form_left": "好的，那就先不办了。还有什么可以帮您？",
    "ask_name": "请问您怎么称呼？",
    "ask_order_number": "请问您的订单号是多少？",
    "ask_email": "请问您的邮箱地址是什么？",
    "ask_phone": "请问您的电话号码是多少？",
    "ask_date": "请问是哪一天？",
    "ask_time": "请问是几点？",
    "ask_amount": "请问金额是多少？",
    "ask_product": "请问是哪一款商品？",
    "ask_person": "请问您指的是哪一位？",
    "ask_place": "请问是什么地方？",
    "ask_card": "请问卡号是多少？",
    "ask_iban": "请问 IBAN 账号是多少？",
    "ask_id_number": "请问证件号码是多少？",
    "ask_slot": "请告诉我：{slot}？",
    "summary_about": "事由：{text}",
    "summary_tried": "已答复：{text}",
    "summary_slots": "已知信息：{text}",
    "summary_upset": "客户情绪不佳。",
    "summary_angry": "客户很生气。",
    "summary_open": "尚待解决：{text}",
    "slot_name": "姓名",
    "slot_order_number": "订单号",
    "slot_email": "邮箱",
    "slot_date": "日期",
    "slot_amount": "金额",
    "slot_phone": "电话",
    "slot_card": "卡号",
    "slot_iban": "IBAN",
    "slot_id_number": "证件号码",
    "slot_product": "商品",
    "slot_person": "人员",
    "slot_place": "地点",
    "slot_time": "时间",
}
BUILT_IN: Mapping[str, Mapping[str, str]] = {"en": _ENGLISH, "zh": _CHINESE}


class Wording:
    """Fixed sentences by language, with the operator's own in front.

    Args:
        bot: Its name.
        locales: The languages that it speaks, the main one first.
        overrides: The operator's own sentences, by language and name.
        closed: Gives the office hours while nobody is there to take over, else nothing.

    Raises:
        ConfigError: If an override names a sentence that does not exist.
    """

    def __init__(
        self,
        bot: str,
        locales: tuple[str, ...],
        overrides: Mapping[str, Mapping[str, str]],
        *,
        closed: Callable[[], str] = lambda: "",
    ) -> None:
        for locale, sentences in overrides.items():
            if locale not in locales:
                raise ConfigError(f"unknown key wording.{locale}; bot.locales has {', '.join(locales)}")
            for name, sentence in sentences.items():
                if not sentence.strip():
                    raise ConfigError(f"wording.{locale}.{name} must not be empty: the customer always gets a sentence")
                if name not in _ENGLISH:
                    near = difflib.get_close_matches(name, _ENGLISH, n=1, cutoff=0.0)[0]
                    raise ConfigError(f"unknown key wording.{locale}.{name}; did you mean {near}?")
        self._bot = bot
        self._closed = closed
        self._main = locales[0] if locales else "en"
        self._sentences = {
            locale: {**BUILT_IN.get(locale.split("-")[0], _ENGLISH), **overrides.get(locale, {})}
            for locale in {*locales, *BUILT_IN, *overrides}
        }

    def say(self, name: str, locale: str | None = None, **values: str | int) -> str:
        """The sentence ``name`` in ``locale``, else in the main language."""
        sentences = self._sentences.get(locale or self._main) or self._sentences.get(self._main) or _ENGLISH
        if name == "handoff" and (hours := self._closed()):
            name, values = "handoff_closed", {"hours": hours}
        text = sentences[name].replace("{bot}", self._bot)
        for key, value in values.items():
            text = text.replace("{" + key + "}", str(value))
        return text
