"""A contract whose columns invite every slip."""

CONTRACT = '''
import pandera.pandas as pa


class Trips(pa.DataFrameModel):
    """One trip."""

    trip: str = pa.Field(metadata={"key": True})
    port: str = pa.Field(isin=["north", "south"])
    cars: int = pa.Field(ge=0)
    fare: float = pa.Field(nullable=True)
    sailed: pa.engines.pandas_engine.Date
    captain: str = pa.Field(isin=["Ahab", "Nemo"], nullable=True, metadata={"personal": True})
    note: str = pa.Field(nullable=True)

    class Config:
        strict = True
'''
