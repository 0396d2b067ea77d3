/**
 * The tables of the log and of what belongs to it. A step is never changed once released: a change
 * is a new step.
 */
export const MIGRATIONS: readonly string[] = [
  `
create table event (
  pos bigint primary key,
  stream text collate "C" not null,
  version int not null,
  id uuid not null unique,
  type text collate "C" not null,
  schema smallint not null,
  data jsonb not null,
  meta jsonb not null,
  at timestamptz not null,
  unique (stream, version)
);
create index event_type_pos on event (type, pos);

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'the log is append-only: % on % is refused', tg_op, tg_table_name
    using errcode = 'insufficient_privilege';
end $$;
create trigger event_rows_stay before update or delete on event
  for each row execute function refuse_change();
create trigger event_table_stays before truncate on event
  for each statement execute function refuse_change();

create table checkpoint (
  name text primary key,
  pos bigint not null default 0,
  side text not null default 'a',
  error text,
  at timestamptz not null default now()
);

create table job_run (
  job text not null,
  scheduled_for timestamptz not null,
  started_at timestamptz not null default now(),
  finished_at timestamptz,
  status text not null,
  error text,
  result jsonb,
  primary key (job, scheduled_for)
);

create table subject_key (
  subject text primary key,
  key bytea,  -- null once erased: never made again
  created_at timestamptz not null default now(),
  erased_at timestamptz
);
create table secret (name text primary key, value bytea not null);

-- Appends a group of commands. One row of w_… is one stream of a command (expected null = any), one
-- row of e_… one event of such a write (e_write counts from 1). A command is written whole or not at
-- all. Streams and command ids are distinct over the whole group. Answers one row a write. Listeners
-- get the last position and who sent it.
create function append(
  sender text, w_cmd int[], w_stream text[], w_expected bigint[],
  e_write int[], e_id uuid[], e_type text[], e_schema smallint[], e_data jsonb[], e_meta jsonb[])
returns table (write int, status text, version int, pos bigint, at timestamptz)
language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare base bigint; stamp timestamptz;
begin
  -- A statement of its own: the next one sees everything committed before.
  perform pg_advisory_xact_lock('event'::regclass::oid::bigint);
  select v.pos, v.at into base, stamp from event v order by v.pos desc limit 1;
  base := coalesce(base, 0);
  stamp := greatest(clock_timestamp(), stamp);
  return query with
  w as (select s.cmd, s.stream, s.expected, s.n::int as n, coalesce(h.version, 0) as head
        from unnest(w_cmd, w_stream, w_expected) with ordinality s(cmd, stream, expected, n)
        left join lateral (select v.version from event v where v.stream = s.stream
                           order by v.version desc limit 1) h on true),
  e as (select t.*, w.cmd, w.stream, w.head
        from unnest(e_write, e_id, e_type, e_schema, e_data, e_meta)
          with ordinality t(write, id, type, schema, data, meta, n)
        join w on w.n = t.write),
  dup as (select distinct e.cmd from e cross join lateral
          (select 1 from event v where v.id = e.id limit 1) o),
  moved as (select distinct w.cmd from w where w.expected <> w.head),
  ins as (insert into event (pos, stream, version, id, type, schema, data, meta, at)
          select base + row_number() over (order by e.n), e.stream,
                 e.head + row_number() over (partition by e.write order by e.n),
                 e.id, e.type, e.schema, e.data, e.meta, stamp
          from e where not exists (select from dup where dup.cmd = e.cmd)
                   and not exists (select from moved where moved.cmd = e.cmd)
          returning event.stream, event.version, event.pos),
  last as (select i.stream, max(i.version) as version, max(i.pos) as pos from ins i group by i.stream),
  note as (select pg_notify('event', max(l.pos) || ' ' || sender) from last l having max(l.pos) is not null)
  select w.n,
         case when dup.cmd is not null then 'duplicate'
              when moved.cmd is not null then 'conflict' else 'ok' end,
         coalesce(l.version, w.head)::int, l.pos, stamp
  from w left join dup on dup.cmd = w.cmd left join moved on moved.cmd = w.cmd
         left join last l on l.stream = w.stream left join note on true
  order by w.n;
end $$;
`,
  // Runs are events now; what is left is who runs, and which times of a schedule are dealt with.
  `
create table crawler_lease (
  source text primary key,
  run_id text not null,
  beat_at timestamptz not null default now()
);
create table job_seen (job text primary key, seen_at timestamptz not null);
insert into job_seen select job, max(scheduled_for) from job_run
  where status in ('succeeded', 'skipped') group by job;
drop table job_run;
`,
  // Who speaks to a channel of alerts: robots are told things once.
  `
create table alert_lease (
  channel text primary key,
  holder text not null,
  beat_at timestamptz not null default now()
);
`,
  // A run that is to take a crashed one's place is found again before its start is recorded; sources
  // of one group take turns among all instances.
  `
alter table crawler_lease add column replaces text, add column turns text;
create unique index crawler_lease_turns on crawler_lease (turns) where turns is not null;
`, // What is acknowledged is on the disk, whatever a server, database or role has for its default. For
  // the transaction alone: a pooler between may give the connection to somebody else.
  `
create function commit_to_disk() returns trigger language plpgsql as $$
begin
  if current_setting('synchronous_commit') = 'off' then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  return null;
end $$;
create trigger event_is_on_disk before insert on event
  for each statement execute function commit_to_disk();
`,
  // Of several instances one fills a table of a bulk projection.
  `
alter table checkpoint add column claim text, add column claimed_at timestamptz;
`,
  // What a channel was sent of late, by whichever instance: a robot's limit is one for all.
  `
create table alert_told (channel text not null, told_at timestamptz not null default now());
create index alert_told_newest on alert_told (channel, told_at);
`,
];
