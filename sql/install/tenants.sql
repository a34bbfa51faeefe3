-- Who works for which tenant. sira_current_tenant() reads this table as the owner and answers for current_user, inherited
-- membership included. An empty table means the one tenant "default"; tenant "*" holds the models that all may use.
-- Only the owner and superusers write it: a tenant's administrator who could would take over another tenant by listing its
-- members elsewhere, or everything by deleting the last listing.
CREATE TABLE @extschema@.sira_tenant_members (
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant() CHECK (tenant_id <> ''),
    member text NOT NULL CHECK (member <> ''),
    added_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    added_by text NOT NULL DEFAULT SESSION_USER,
    PRIMARY KEY (tenant_id, member)
);
-- Every prediction asks which tenants list a role.
CREATE INDEX sira_tenant_members_member_idx ON @extschema@.sira_tenant_members (member);
