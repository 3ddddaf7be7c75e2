"""The map: how long a recharge takes after this road in this season, for each pack and strategy.

Every field of it is a scenario on a bench, with a recording and a verdict of its own. `fields` says which there are,
`scenario` what is run, `measuring` runs one and says what came of it, `players` do so on processes of this computer, on
a cluster or on the one bench there is, `store` keeps what is done, `criteria` judges all of it and `page` shows it.
"""
