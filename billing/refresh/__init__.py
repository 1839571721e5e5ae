"""New versions of the price catalogue, read from the vendors' public price APIs by ``manage.py refresh_prices``.

One file per vendor says which of its many prices is ours; none of them writes. What they found is compared with the
catalogue there is, shown, and written as a new file only when nothing about it is alarming.
"""
