"""What the coming days will cost: :mod:`.methods` guess, :mod:`.combining` weighs them, :mod:`.making` stores it.

statsmodels takes seconds and a hundred megabytes to import, so only ``manage.py forecast_costs`` imports what needs it;
web processes, the scheduler and the workers that run Terraform never do.
"""
