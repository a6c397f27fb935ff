from django.core.checks import register


@register()
def stones(app_configs, **kwargs):
    return []
