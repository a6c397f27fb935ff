from django.db import models


class Sack(models.Model):
    name = models.CharField(max_length=40)
    price = models.IntegerField(default=0)

    def __str__(self):
        return self.name
