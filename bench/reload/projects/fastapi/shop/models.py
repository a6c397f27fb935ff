from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine

metadata = MetaData()
orders = Table(
    "orders",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("item", String),
)
engine = create_engine("sqlite://")
