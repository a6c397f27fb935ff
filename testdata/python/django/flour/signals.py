from django.db.models.signals import post_save
from django.dispatch import receiver

from .models import Flour
from .milling import grind


@receiver(post_save, sender=Flour)
def saved(sender, instance, **kwargs):
    grind(instance.name)
