class OneDatabase:
    def db_for_read(self, model, **hints):
        return "default"
