import os, tempfile
os.environ["WEB_DATA"] = tempfile.mkdtemp()
from web.tasks import app, version
app.loader.import_default_modules()
app.finalize()
from web.tasks import digest
version(), digest.digest("a b c")
