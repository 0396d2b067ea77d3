/**
 * The steps of a rebuild that must happen as a whole, in the database. All lock a projection's
 * checkpoint first and its rebuild's second. None waits long for a table or a view: whoever asks
 * next would queue behind it.
 */
export const SIDE_FUNCTIONS = `
create or replace function projection_begin_rebuild(
  c_name text, c_live text, c_to text, c_clear text) returns boolean
language plpgsql as $f$
begin
  perform set_config('lock_timeout', '500ms', true);
  perform from checkpoint where name = c_name and side = c_live for update;
  if not found then return false; end if;
  insert into checkpoint (name, pos, side) values (c_name || '/rebuild', 0, c_to)
    on conflict (name) do update
      set pos = 0, side = excluded.side, error = null, claim = null, at = now();
  execute c_clear;
  return true;
end $f$;

create or replace function projection_hold(c_name text, c_live text) returns bigint
language plpgsql as $f$
declare at_pos bigint;
begin
  perform set_config('lock_timeout', '500ms', true);
  select pos into at_pos from checkpoint where name = c_name and side = c_live for update;
  if found then
    insert into checkpoint (name, side, at) values (c_name || '/hold', c_live, clock_timestamp())
      on conflict (name) do update set side = excluded.side, at = excluded.at;
  end if;
  return at_pos;
exception when lock_not_available then return null;
end $f$;

create or replace function projection_swap(
  c_name text, c_from text, c_to text, c_pos bigint, c_view text) returns text
language plpgsql as $f$
begin
  perform set_config('lock_timeout', '500ms', true);
  perform from checkpoint where name = c_name and pos <= c_pos and side = c_from for update;
  if not found then return 'moved'; end if;
  delete from checkpoint where name = c_name || '/rebuild' and pos = c_pos and side = c_to;
  if not found then return 'lost'; end if;
  update checkpoint set pos = c_pos, side = c_to, error = null, claim = null, at = now()
    where name = c_name;
  delete from checkpoint where name = c_name || '/hold';
  execute c_view;
  return 'swapped';
exception when lock_not_available then return 'busy';
end $f$;

create or replace function projection_clear(c_name text, c_side text, c_clear text) returns void
language plpgsql as $f$
begin
  perform set_config('lock_timeout', '500ms', true);
  perform from checkpoint where name = c_name and side <> c_side for update;
  if found and not exists (
    select from checkpoint where name = c_name || '/rebuild' and side = c_side)
  then execute c_clear; end if;
end $f$;

create or replace function projection_publish(c_name text, c_select text) returns void
language plpgsql as $f$
declare
  mark text := 'made by this program: ' || md5(c_select);
begin
  if obj_description(to_regclass(quote_ident(c_name)), 'pg_class') is not distinct from mark
  then return; end if;
  perform set_config('lock_timeout', '2s', true);
  begin
    execute format('create or replace view %I as %s', c_name, c_select);
  exception when invalid_table_definition then
    execute format('drop view %I', c_name);
    execute format('create view %I as %s', c_name, c_select);
  end;
  execute format('comment on view %I is %L', c_name, mark);
end $f$;`;
