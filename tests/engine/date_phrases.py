"""What customers write about days and times, and what they mean by it, on Wednesday 6 May 2026 at ten in London.

Each line: the message; the words in it that are a date or time; the day (``..`` before the last day of a span), or
``-``; the time (``..`` before its end), or ``-``; ``?`` where another reading is possible. ``TRAPS`` hold none.
"""

from __future__ import annotations

_RESOLVED = """
I wrote to you last Tuesday | last Tuesday | 2026-05-05 | - | ?
it came last Friday | last Friday | 2026-05-01 | - |
can you come next friday? | next friday | 2026-05-15 | - | ?
next Tuesday would be fine | next Tuesday | 2026-05-12 | - |
this Friday please | this Friday | 2026-05-08 | - |
Is it here by Friday? | Friday | 2026-05-08 | - | ?
this coming Thursday | this coming Thursday | 2026-05-07 | - |
on Thurs | Thurs | 2026-05-07 | - | ?
Friday next week works | Friday next week | 2026-05-15 | - |
Monday of last week | Monday of last week | 2026-04-27 | - |
a week on Friday | a week on Friday | 2026-05-15 | - |
two weeks from tomorrow | two weeks from tomorrow | 2026-05-21 | - |
the day before yesterday | the day before yesterday | 2026-05-04 | - |
yesterday I ordered a lamp | yesterday | 2026-05-05 | - |
The day after tomorrow, if you can | The day after tomorrow | 2026-05-08 | - |
I need it tommorow | tommorow | 2026-05-07 | - |
what's open today? | today | 2026-05-06 | - |
tomorrow at half past six | tomorrow at half past six | 2026-05-07 | 18:30 | ?
tomorrow at 8:15 pm | tomorrow at 8:15 pm | 2026-05-07 | 20:15 |
6pm tomorrow | 6pm tomorrow | 2026-05-07 | 18:00 |
tomorrow morning at 9 | tomorrow morning at 9 | 2026-05-07 | 09:00 |
quarter to seven in the evening | quarter to seven in the evening | - | 18:45 |
at ten past five pm | ten past five pm | - | 17:10 |
last night at 8 | last night at 8 | 2026-05-05 | 20:00 |
tonight | tonight | 2026-05-06 | - |
this afternoon at 3 | this afternoon at 3 | 2026-05-06 | 15:00 |
tonight at midnight | tonight at midnight | 2026-05-07 | 00:00 |
Friday at noon | Friday at noon | 2026-05-08 | 12:00 | ?
noon | noon | - | 12:00 |
call me at 6pm | 6pm | - | 18:00 |
at 6 p.m., please | 6 p.m. | - | 18:00 |
from 18:30 on | 18:30 | - | 18:30 |
at 7 o'clock | 7 o'clock | - | 07:00 | ?
between 3 and 5 pm | 3 and 5 pm | - | 15:00..17:00 |
Saturday 11am-2pm | Saturday 11am-2pm | 2026-05-09 | 11:00..14:00 | ?
in 3 days | in 3 days | 2026-05-09 | - |
in a week | in a week | 2026-05-13 | - |
in 3 to 5 days | in 3 to 5 days | 2026-05-09..2026-05-11 | - |
10 days from now | 10 days from now | 2026-05-16 | - |
two weeks ago | two weeks ago | 2026-04-22 | - |
ordered 4 days ago, still nothing | 4 days ago | 2026-05-02 | - |
a month ago | a month ago | 2026-04-06 | - | ?
in two hours | in two hours | 2026-05-06 | 12:00 |
half an hour ago | half an hour ago | 2026-05-06 | 09:30 |
in 3 working days | in 3 working days | 2026-05-11 | - | ?
end of the month | end of the month | 2026-05-31 | - |
by the end of next month | the end of next month | 2026-06-30 | - |
at the beginning of June | the beginning of June | 2026-06-01 | - |
this weekend | this weekend | 2026-05-09..2026-05-10 | - |
last weekend | last weekend | 2026-05-02..2026-05-03 | - |
over the weekend | the weekend | 2026-05-09..2026-05-10 | - | ?
I bought it in March last year | March last year | 2025-03-01..2025-03-31 | - |
last year in March | last year in March | 2025-03-01..2025-03-31 | - |
it came on 5 May last year | 5 May last year | 2025-05-05 | - |
March 7th to the 9th | March 7th to the 9th | 2026-03-07..2026-03-09 | - |
5月30 日 | 5月30 日 | 2026-05-30 | - |
last month's bill | last month | 2026-04-01..2026-04-30 | - |
next week | next week | 2026-05-11..2026-05-17 | - |
last month | last month | 2026-04-01..2026-04-30 | - |
this year | this year | 2026-01-01..2026-12-31 | - |
the week after next | the week after next | 2026-05-18..2026-05-24 | - |
the 20th | the 20th | 2026-05-20 | - | ?
on the 3rd | the 3rd | 2026-06-03 | - | ?
the 15th of next month | the 15th of next month | 2026-06-15 | - |
3rd of May | 3rd of May | 2026-05-03 | - |
May 3 | May 3 | 2026-05-03 | - |
it was sent 28 April. | 28 April | 2026-04-28 | - |
June 1st, 2026 | June 1st, 2026 | 2026-06-01 | - |
the first of June | the first of June | 2026-06-01 | - |
Tuesday, 12 May 2026 at 18:30 | Tuesday, 12 May 2026 at 18:30 | 2026-05-12 | 18:30 |
Friday the 8th | Friday the 8th | 2026-05-08 | - |
3-5 June | 3-5 June | 2026-06-03..2026-06-05 | - |
from 1 June to 14 June | 1 June to 14 June | 2026-06-01..2026-06-14 | - |
last Friday of the month | last Friday of the month | 2026-05-29 | - |
the first Monday in June | the first Monday in June | 2026-06-01 | - |
in June | June | 2026-06-01..2026-06-30 | - |
March 2025 | March 2025 | 2025-03-01..2025-03-31 | - |
since 2024 | 2024 | 2024-01-01..2024-12-31 | - |
on 20 December | 20 December | 2026-12-20 | - | ?
03/05/2024 | 03/05/2024 | 2024-05-03 | - | ?
25/12/2025 | 25/12/2025 | 2025-12-25 | - |
12/25/2025 | 12/25/2025 | 2025-12-25 | - |
3.5.2024 | 3.5.2024 | 2024-05-03 | - |
2024-05-03 | 2024-05-03 | 2024-05-03 | - |
2026/5/20 14:00 | 2026/5/20 14:00 | 2026-05-20 | 14:00 |
2026-05-20T14:05:30 | 2026-05-20T14:05:30 | 2026-05-20 | 14:05 |
下周三能送到吗 | 下周三 | 2026-05-13 | - |
我上周二买的 | 上周二 | 2026-04-28 | - |
这周五发货吗 | 这周五 | 2026-05-08 | - |
本周日 | 本周日 | 2026-05-10 | - |
下下周一 | 下下周一 | 2026-05-18 | - |
上个星期五下的单 | 上个星期五 | 2026-05-01 | - |
下礼拜天 | 下礼拜天 | 2026-05-17 | - |
星期天 | 星期天 | 2026-05-10 | - | ?
周五到货吗 | 周五 | 2026-05-08 | - | ?
周末 | 周末 | 2026-05-09..2026-05-10 | - | ?
这周末 | 这周末 | 2026-05-09..2026-05-10 | - |
上周末去过 | 上周末 | 2026-05-02..2026-05-03 | - |
下周一次就行 | 下周 | 2026-05-11..2026-05-17 | - |
下周 | 下周 | 2026-05-11..2026-05-17 | - |
前天 | 前天 | 2026-05-04 | - |
大前天买的 | 大前天 | 2026-05-03 | - |
昨天下午 | 昨天下午 | 2026-05-05 | - |
后天 | 后天 | 2026-05-08 | - |
大后天 | 大后天 | 2026-05-09 | - |
明天上午十点 | 明天上午十点 | 2026-05-07 | 10:00 |
昨晚八点半 | 昨晚八点半 | 2026-05-05 | 20:30 |
今晚十二点截止吗 | 今晚十二点 | 2026-05-07 | 00:00 |
今天晚上7点15分 | 今天晚上7点15分 | 2026-05-06 | 19:15 |
明早八点 | 明早八点 | 2026-05-07 | 08:00 |
后天中午 | 后天中午 | 2026-05-08 | 12:00 |
凌晨两点 | 凌晨两点 | - | 02:00 |
下午三点 | 下午三点 | - | 15:00 |
下午三点一刻 | 下午三点一刻 | - | 15:15 |
中午 | 中午 | - | 12:00 |
晚上8:30可以吗 | 晚上8:30 | - | 20:30 |
下午3点到5点 | 下午3点到5点 | - | 15:00..17:00 |
明天上午九点到下午五点 | 明天上午九点到下午五点 | 2026-05-07 | 09:00..17:00 |
十八点三十分 | 十八点三十分 | - | 18:30 |
三月五号 | 三月五号 | 2026-03-05 | - |
5月3日 | 5月3日 | 2026-05-03 | - |
五月二十号 | 五月二十号 | 2026-05-20 | - |
2024年5月3日 | 2024年5月3日 | 2024-05-03 | - |
二〇二四年五月三日 | 二〇二四年五月三日 | 2024-05-03 | - |
去年12月25日 | 去年12月25日 | 2025-12-25 | - |
明年一月一号 | 明年一月一号 | 2027-01-01 | - |
5月12日（周二）下午三点 | 5月12日（周二）下午三点 | 2026-05-12 | 15:00 |
6月3日到5日 | 6月3日到5日 | 2026-06-03..2026-06-05 | - |
20号 | 20号 | 2026-05-20 | - | ?
下个月5号 | 下个月5号 | 2026-06-05 | - |
下个月底 | 下个月底 | 2026-06-30 | - |
月底 | 月底 | 2026-05-31 | - |
上个月 | 上个月 | 2026-04-01..2026-04-30 | - |
六月中旬 | 六月中旬 | 2026-06-11..2026-06-20 | - |
年底前 | 年底 | 2026-12-31 | - |
三天前 | 三天前 | 2026-05-03 | - |
10天后 | 10天后 | 2026-05-16 | - |
两周后 | 两周后 | 2026-05-20 | - |
两个星期前 | 两个星期前 | 2026-04-22 | - |
三个月前买的 | 三个月前 | 2026-02-06 | - | ?
半小时后 | 半小时后 | 2026-05-06 | 10:30 |
两个小时前 | 两个小时前 | 2026-05-06 | 08:00 |
５月３日 | ５月３日 | 2026-05-03 | - |
下週三下午３點 | 下週三下午３點 | 2026-05-13 | 15:00 |
我後天到 | 後天 | 2026-05-08 | - |
"""
_WRITTEN_LATER = """
Could someone ring me Thursday morning? | Thursday morning | 2026-05-07 | - | ?
I placed the order on the 28th of April | 28th of April | 2026-04-28 | - |
parcel due May 11th between 8am and noon | May 11th between 8am and noon | 2026-05-11 | 08:00..12:00 |
I'll be home after 5:30pm | 5:30pm | - | 17:30 |
it's been broken since the 1st of January 2026 | 1st of January 2026 | 2026-01-01 | - |
Returns until 31 May? | 31 May | 2026-05-31 | - |
I paid five days ago | five days ago | 2026-05-01 | - |
book it for Sunday 17th May at 7.45pm | Sunday 17th May at 7.45pm | 2026-05-17 | 19:45 |
a fortnight ago | a fortnight ago | 2026-04-22 | - |
can it come on or before 15 May 2026 | 15 May 2026 | 2026-05-15 | - |
the weekend after next | the weekend after next | 2026-05-23..2026-05-24 | - | ?
two days after tomorrow | two days after tomorrow | 2026-05-09 | - |
Is 11:30 tomorrow possible? | 11:30 tomorrow | 2026-05-07 | 11:30 |
early next week | next week | 2026-05-11..2026-05-17 | - |
yesterday evening around nine | yesterday evening around nine | 2026-05-05 | 21:00 |
I moved here in August 2019 | August 2019 | 2019-08-01..2019-08-31 | - |
20 minutes ago | 20 minutes ago | 2026-05-06 | 09:40 |
let's say Monday 11 May, 2pm | Monday 11 May, 2pm | 2026-05-11 | 14:00 |
first thing tomorrow morning | tomorrow morning | 2026-05-07 | - |
The delivery window is 12:00 - 16:00 on 8 May | 12:00 - 16:00 on 8 May | 2026-05-08 | 12:00..16:00 |
ordered 05.05.2026 | 05.05.2026 | 2026-05-05 | - |
my birthday is on the 30th | the 30th | 2026-05-30 | - | ?
the end of this week | the end of this week | 2026-05-08 | - | ?
I want a refund by Monday the 11th | Monday the 11th | 2026-05-11 | - |
我昨天晚上九点多下的单 | 昨天晚上九点多 | 2026-05-05 | 21:00 | ?
预计下周一到货吗 | 下周一 | 2026-05-11 | - |
这个星期六上午可以上门安装吗 | 这个星期六上午 | 2026-05-09 | - |
4月28号买的东西 | 4月28号 | 2026-04-28 | - |
上个月20号付的款 | 上个月20号 | 2026-04-20 | - |
五天前寄出的 | 五天前 | 2026-05-01 | - |
请在今天下午五点前回复 | 今天下午五点 | 2026-05-06 | 17:00 |
明天中午12点半左右到 | 明天中午12点半 | 2026-05-07 | 12:30 |
2026年6月1日上午9:00开始 | 2026年6月1日上午9:00 | 2026-06-01 | 09:00 |
2026-6-1之前能到吗 | 2026-6-1 | 2026-06-01 | - |
半个月前退的货 | 半个月前 | 2026-04-21 | - | ?
下月初发货 | 下月初 | 2026-06-01 | - |
一个小时后再打给我 | 一个小时后 | 2026-05-06 | 11:00 |
周日晚上七点一刻 | 周日晚上七点一刻 | 2026-05-10 | 19:15 | ?
今年六月十八日 | 今年六月十八日 | 2026-06-18 | - |
后天早上8点到10点之间 | 后天早上8点到10点 | 2026-05-08 | 08:00..10:00 |
上周日买的 | 上周日 | 2026-05-03 | - |
5/20下午两点 | 5/20下午两点 | 2026-05-20 | 14:00 |
凌晨0点30分 | 凌晨0点30分 | - | 00:30 |
"""
_IMPOSSIBLE = """
31 February | 31 February | - | - | ?
February 30th, 2026 | February 30th, 2026 | - | - | ?
2月30日 | 2月30日 | - | - | ?
四月三十一号 | 四月三十一号 | - | - | ?
13月5日 | 13月5日 | - | - | ?
at 25:00 | 25:00 | - | - | ?
18:75 | 18:75 | - | - | ?
下午25点钟 | 下午25点钟 | - | - | ?
32/13/2024 | 32/13/2024 | - | - | ?
2025-02-29 | 2025-02-29 | - | - | ?
2024-13-01 | 2024-13-01 | - | - | ?
"""
TRAPS = tuple(
    """
I have been waiting 2 weeks now
it will be two weeks on the dot
back in a minute
in a day or two
my 2 year warranty
等了三天
within the next hour
过两天我再来
we will march 3 times
1/2 price
192.168.1.10
下周边有店吗
这有三点要说
3 in the box
may I return it?
the battery may last years
you may 3 times
I sat on the chair
the sun is out
the second item is broken
my order is 12345678
version 3.5.2 of the app
on the 3rd floor
it's my 2nd order
I want 2 of them and 3 of those
24/7 support
call 020 7946 0958
sort code 12-34-56
good morning
I march on
Black Friday deals
do you deliver on Mondays
every Friday
for 3 days
within 14 days
£6.30 at checkout
at 5 shops
I am 6 feet tall
next day delivery
last time it broke
this one, the first one
the next item
便宜一点
早一点发货
有一点贵
一周一次
每周一
三点建议
坐3号线
5号电池
第3天
三天内发货
以后天天用
早上好
晚上好
7天无理由退货
3个月的会员
订单号20260506
100点积分
八点五折
单号12号楼
每月5号扣款
农历五月初五
""".strip().splitlines()
)


def _lines(text: str) -> list[tuple[str, str, str, str, bool]]:
    found = []
    for line in text.strip().splitlines():
        message, words, day, clock, doubt = (part.strip() for part in f"{line} |".split("|")[:5])
        found.append((message, words, day, clock, doubt == "?"))
    return found


RESOLVED = _lines(_RESOLVED) + _lines(_WRITTEN_LATER)
IMPOSSIBLE = _lines(_IMPOSSIBLE)
