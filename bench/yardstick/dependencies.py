"""The dependencies of the endpoints: the database session, the user, and the tenant of a user with a role."""

import os
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Depends, Header, HTTPException
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import contains_eager

from bench.yardstick import access
from bench.yardstick.models import LoginSession, Tenant, User

engine = create_async_engine(
    os.environ.get("DATABASE_URL", "").replace("postgres://", "postgresql+asyncpg://", 1) or "postgresql+asyncpg://",
    pool_size=10,
    max_overflow=0,
)
new_session = async_sessionmaker(engine, expire_on_commit=False)


async def session() -> AsyncIterator[AsyncSession]:
    """Opens a session, and so a transaction, for each request."""
    async with new_session() as opened:
        yield opened


Session = Annotated[AsyncSession, Depends(session)]


async def current_user(db: Session, authorization: Annotated[str, Header()] = "") -> User:
    """Returns the token's user with the tenant. Answers 401 if one is inactive or the log-in session has ended."""
    claims = access.claims(authorization)
    if claims is None:
        raise HTTPException(401)
    live = select(LoginSession).filter_by(id=claims.get("sid"), user_id=claims["sub"], ended_at=None)
    user = await db.scalar(
        select(User)
        .join(User.tenant)
        .options(contains_eager(User.tenant))
        .where(User.id == claims["sub"], User.is_active, Tenant.is_active, live.exists())
    )
    if user is None:
        raise HTTPException(401)
    return user


def allowed(roles: set[str]) -> Any:
    """Returns a FastAPI dependency. It gives the user's tenant, and answers 403 for any other role."""

    async def tenant_of(user: Annotated[User, Depends(current_user)]) -> Tenant:
        if user.role not in roles:
            raise HTTPException(403)
        return user.tenant

    return Depends(tenant_of)


TenantOfStaff = Annotated[Tenant, allowed(access.STAFF)]
TenantOfAdmin = Annotated[Tenant, allowed(access.ADMINS)]
