"""The stack that a database with SIRA does without: a web service that scores, its features in Redis.

It is written to be fast: httptools and uvloop, one round trip to Redis, a snapshot that is one value and not a hash,
orjson on both ends, no validation, no access log, LightGBM on one thread. It answers what sira_predict answers (score,
class, decision). By default it leaves nothing behind: no audit row, no transaction, no id to ask about later.
`/audited` also writes a row of its own to PostgreSQL and waits for the commit, as a service that must account for its
decisions would.
"""

import contextlib
import os
import pathlib

import asyncpg
import lightgbm
import numpy
import orjson
import redis.asyncio
from fastapi import FastAPI, Response

BOOSTER = lightgbm.Booster(model_str=pathlib.Path(os.environ["PEER_MODEL"]).read_text())
NAMES = BOOSTER.feature_name()
TEXTS = ("f26", "f27")
REDIS = redis.asyncio.Redis(host="127.0.0.1", port=int(os.environ["PEER_REDIS_PORT"]))
AUDIT = """INSERT INTO bench.service_log (entity_id, features, score, class, decision, model)
           VALUES ($1, $2, $3, $4, $5, 'm100x31')"""


@contextlib.asynccontextmanager
async def lifespan(service):
    settings = {"synchronous_commit": "off", "jit": "off"}
    pool = await asyncpg.create_pool(os.environ["PEER_POSTGRES"], min_size=4, max_size=8, server_settings=settings)
    service.state.pool = pool
    yield
    await pool.close()


app = FastAPI(lifespan=lifespan, openapi_url=None)


def vector(snapshot):
    """Features by name as the model's row; a category in text is a letter and its code."""
    features = orjson.loads(snapshot)
    values = [features[name] for name in NAMES]
    values[26], values[27] = (int(features[name][1:]) for name in TEXTS)
    return numpy.array([values], dtype=numpy.float64)


def decide(score):
    if score <= 0.5:
        return "LOW", "approve"
    return ("MEDIUM", "review") if score <= 0.8 else ("HIGH", "decline")


def answer(entity_id, score, kind, decision):
    body = {"entity_id": entity_id, "score": score, "class": kind, "decision": decision, "model": "m100x31"}
    return Response(orjson.dumps(body), media_type="application/json")


async def predict(entity_id):
    snapshot = await REDIS.get(f"payment:{entity_id}")
    score = float(BOOSTER.predict(vector(snapshot), num_threads=1)[0])
    return snapshot, score, *decide(score)


@app.get("/predict/{entity_id}")
async def bare(entity_id: str):
    _, score, kind, decision = await predict(entity_id)
    return answer(entity_id, score, kind, decision)


@app.get("/audited/{entity_id}")
async def audited(entity_id: str):
    snapshot, score, kind, decision = await predict(entity_id)
    await app.state.pool.execute(AUDIT, entity_id, snapshot.decode(), score, kind, decision)
    return answer(entity_id, score, kind, decision)
