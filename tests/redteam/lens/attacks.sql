# Queries that must be refused, one a line, under a heading `== mode code`. `-- or: codes` names codes that do
# as well. Escapes \n and \0 stand for these characters.

== answer parse
-- empty
   ;  
-- nothing
selec city from person
select city from person where (
select city from person where city = 'x
select from person group  -- or: column
select city, count(*) from person group by city union all select city from person group by city
select (select 1, 2)
select city from person group by 3
select 1 \0

== answer statement
insert into person select * from person
update person set income = 1
delete from person
drop table person
create table x as select * from person
create view x as select city from person
alter table person add column x int
copy person to '/tmp/x.csv'
copy (select * from person) to 's3://x/y.parquet'
attach '/tmp/x.db' as y
detach y
pragma show_tables
pragma database_list
set memory_limit = '1GB'
reset memory_limit
install httpfs
load httpfs
export database '/tmp/x'
import database '/tmp/x'
explain select * from person
explain analyze select city, count(*) from person group by city
describe person
summarize person
show tables
call pragma_version()
use main
begin
checkpoint
vacuum
prepare q as select 1
execute q
create macro f(x) as x
select city, count(*) into x from person group by city
select city, count(*) from person group by city for update
select count(*) from person limit (select 3)
merge into person using visit on true when matched then delete

== answer many_statements
select 1; select 2
select city, count(*) from person group by city; drop table person
select 1;; copy person to 'x'
select 1 ; -- x\n pragma version

== answer table_function
select * from read_csv('/etc/passwd')
select * from read_csv_auto('x.csv')
select * from read_parquet(['a.parquet'])
select * from read_text('/etc/passwd')
select * from read_blob('/etc/passwd')
select * from read_json_auto('x.json')
select * from glob('/work/*')
select * from duckdb_tables()
select * from duckdb_settings()
select * from duckdb_secrets()
select * from pragma_table_info('person')
select * from query('select * from person')
select * from query_table('person')
select * from range(1000000000000)
select * from generate_series(1, 10)
select * from unnest([1, 2, 3])
select city, count(*) from person, unnest([1, 2]) u(x) group by city
select * from '/etc/passwd'
select * from 'person.csv'
select * from "https://example.org/x.parquet"
from read_csv('x')
select * from parquet_metadata('x.parquet')
select * from sniff_csv('x.csv')
select * from json_each('{}')
select * from repeat('x', 10)
select * from sqlite_scan('x', 'y')
select * from postgres_query('x', 'select 1')
select * from person, lateral read_csv(name)

== answer function
select city, random() from person group by city
select read_text('/etc/passwd')
select getenv('HOME')
select current_setting('home_directory')
select getvariable('x')
select nextval('s')
select sleep_ms(1000)
select pg_sleep(1)
select uuid()
select city, hash(city) from person group by city
select city, product(age) from person group by city
select city, list_transform(list(sex), lambda x : x || '!') from person group by city
select list_filter([1, 2], x -> x > 1)
select list_reduce([1, 2], (a, b) -> a + b)
select [x + 1 for x in [1, 2]]
select to_json(city) from city
select json_extract('{}', '$.a')
select write_log('x')
select no_such_function(city) from city
select st_astext(city) from city
select icu_sort_key(city, 'zh') from city
select current_database()
select current_user
select unnest([1, 2])
select city, bit_xor(age) from person group by city
select main.no_such(city) from city
select city.upper() from city
select city, reservoir_quantile(income, 0.5) from person group by city
select map([1], [2])
select encode(city) from city
select version()
select ?
select $1

== answer table
select * from salaries
select * from information_schema.tables
select * from pg_catalog.pg_tables
select * from sqlite_master
select * from other.main.person
select * from duckdb_views
select city, count(*) from person join staff using (city) group by city
select count(*) from person where id in (select id from blacklist)
select count(*) from (select 1 from hidden_table)
with a as (select * from b), b as (select 1) select * from a
select a from temp.person

== answer column
select secret from person
select "SECRET" from person
select city, count(*) from person where secret = 'x' group by city
select city, count(*) from person group by city having max(secret) > 'a'
select city, count(*) from person group by city, secret
select city, count(*) from person group by city order by max(secret)
select count(*) from person p join visit v on p.id = v.pid and p.secret = v.secret
select count(*) from person p join visit v using (secret)
select count(*) from person where exists (select 1 from visit v where v.secret = person.city)
select rowid from person
select person.rowid, count(*) from person group by all
select no_such from person
select person.no_such from person
select x.city from person
select person from person
select p from person p
select hidden, count(*) from person group by hidden
select count(*) from person where hidden
select * exclude (secret) from city
select * exclude (no_such) from city
select count(columns('secret')) from person
select city, count(*) over (partition by secret) from person
select secret as city, count(*) from person group by 1
select count(*) from person p(a, b, c)
select count(*) from person semi join city using (region)
select city, (select max(secret) from person) from city
select filename from person
select secret.x from person
select struct_extract(person, 'secret') from person
select count(*) from visit natural join air where secret = 'secret'
select n + other as n, count(*) as other from person group by all

== answer identifier
select id from person
select count(*), id from person group by id
select city, count(*) from person where id = '420200197919' group by city
select count(*) from person where '42' = id
select count(*) from person where id in ('1', '2')
select count(*) from person where id not in ('1')
select count(*) from person where id <> '1'
select count(*) from person where id > '4'
select count(*) from person where id between '1' and '2'
select count(*) from person where id like '4202%'
select count(*) from person where name ilike '%张%'
select count(*) from person where id similar to '4.*'
select count(*) from person where id glob '4*'
select count(*) from person where regexp_matches(name, '张')
select count(*) from person where starts_with(id, '42')
select count(*) from person where contains(id, '42')
select count(*) from person where id is not distinct from '1'
select count(*) from person where id = '1' || '2'
select count(*) from person where id collate nocase = 'x'
select count(*) from person where upper(name) = 'X'
select count(*) from person where substr(id, 7, 8) = '19900101'
select count(*) from person where substring(id from 7 for 8) = '19900101'
select count(*) from person where left(id, 6) = '420200'
select left(id, 6) area, count(*) from person group by area
select length(name), count(*) from person group by 1
select id[1], count(*) from person group by 1
select id[1:6], count(*) from person group by 1
select md5(id), count(*) from person group by 1
select hash(id), count(*) from person group by 1
select sha256(id), count(*) from person group by 1
select count(*) from person where md5(id) = 'x'
select count(*) from person where hash(id) = 1
select cast(id as bigint) // 100, count(*) from person group by 1
select count(*) from person where id::bigint > 5
select count(*) from person where try_cast(id as bigint) = 5
select city, min(id) from person group by city
select city, max(name) from person group by city
select city, any_value(id) from person group by city
select city, first(id order by birth) from person group by city
select city, list(id) from person group by city
select city, string_agg(name, ',') from person group by city
select city, arg_max(name, age) from person group by city
select city, arg_max(age, name) from person group by city
select city, mode(name) from person group by city
select city, quantile_disc(id, 0.5) from person group by city
select city, histogram(id) from person group by city
select city, approx_top_k(id, 3) from person group by city
select avg(id) from person
select sum(id::hugeint) from person
select median(length(id)) from person
select case when id is not null then id end x, count(*) from person group by 1
select case id when '1' then 1 else 0 end x, count(*) from person group by 1
select sum(case when id = '1' then 1 else 0 end) from person
select count(*) filter (where id = '1') from person
select coalesce(id, '') x, count(*) from person group by 1
select count(*) from person where coalesce(id, '') = '1'
select count(*) from person where nullif(id, '1') is null
select count(*) from person where struct_pack(a := id) = struct_pack(a := '1')
select count(*) from person where {'a': id} = {'a': '1'}
select count(*) from person where (id, city) = ('1', '黄石')
select count(*) from person where (id, city) in (('1', '黄石'))
select count(*) from person where [id] = ['1']
select count(*) from person where list_contains(['1'], id)
select count(*) from person where id = (select '1')
select count(*) from person where id in (select '1')
select count(*) from person where id in (select c from (values ('1')) v(c))
select count(*) from person p join (values ('1')) v(c) on p.id = v.c
select count(*) from person p join (values ('1')) v(id) using (id)
select count(*) from person natural join (select '1' as id)
with k as (select '1' as id) select count(*) from person join k using (id)
with k(id) as (values ('1'), ('2')) select count(*) from person semi join k using (id)
select count(*) from (select id from person union all select '1') group by id
select count(*) from (select id from person intersect select '1')
select count(*) from (select id from person except select '1')
select count(*) from person where id = (select min(id) from person)
select count(*) from person where id = (select any_value(pid) from visit)
select city, count(*) from person group by city order by max(id)
select city, count(*) from person where phone = '139' group by city
select phone, count(*) from person group by phone
select greatest(id, name), count(*) from person group by 1
select concat(city, name), count(*) from person group by 1
select city || name, count(*) from person group by 1
select format('{}', name), count(*) from person group by 1
select count(*) from person where name > city
select count(*) from person a join person b on a.id < b.id
select count(*) from (select id, row_number() over (order by id) r from person) where r > 5
select lag(id) over (order by birth) x from person
select count(*) from person where pseudonym(id) = 'P1'
select pseudonym(id), count(*) from person group by all
select pseudonym('4202')
select count(distinct left(id, 6)) from person
select count(*) from person where not (id = '1')
select count(*) from person where id = any (['1', '2'])  -- or: function
select strpos(id, '4') p, count(*) from person group by 1
select trim(name) x, count(*) from person group by 1
select levenshtein(name, '张三') d, count(*) from person group by 1
select cast(name as varchar) x, count(*) from person group by 1
select typeof(id) x, count(*) from person group by 1
select count(*) from person where id is true
select id as city, count(*) from person group by 1
with t as (select id k from person) select k from t
select k from (select id as k, city from person) where city = '黄石'
select x from (select distinct id x from person)
select id from person union select pid from visit
select count(*) from person where (select p2.id from person p2 where p2.id = person.id limit 1) = 'x'
select max(id) over (partition by city) from person

== answer row_output
select city from person
select city, age from person where age > 30
select * exclude (id, name, phone, income, diagnosed) from person
select city, income from person order by random()
select p.city, v.fee from person p join visit v on p.id = v.pid
select city, avg(income) over (partition by city) from person
select c.city, p.age from city c join person p using (city)
select count(*) from person group by id
select city, avg(fee) from person join visit on id = pid group by city, id
select sum(fee) from visit group by pid
select avg(income) from person group by rollup(id)
select count(*) from person group by grouping sets ((city), (city, name))
select age from person union all select age from person
select place, fee from visit limit 100
select r, avg(income) from (select row_number() over (order by birth) r, income from person) group by r
select s, max(age) from (select sum(1) over (order by birth) s, age from person) group by s
select c.city, (select p.age from person p where p.city = c.city) from city c
select c.city from city c where exists (select 1 from person p where p.city = c.city and p.age > 60)
select city from city where city in (select city from person where age > 60)
select c.city, (select avg(age) from person p join visit v on p.id = v.pid where v.pid = q.id) from city c, person q
select m from (select id, avg(income) m from person group by id)
from person
table visit
select place, lag(fee) over (order by day) from visit
select city, age from person using sample 50 percent (bernoulli)
select t.* from (select city, age from person) t
select columns('a.*') from person
select distinct r, city from (select row_number() over (order by birth) r, city from person)
select city, list(age) over (partition by id) from person

== answer sensitive_group
select income, count(*) from person group by income
select city, income, avg(age) from person group by all
select count(*) from person group by income
select distinct income from person
select distinct city, income from person
select income from person group by 1
select income + 0 as x, count(*) from person group by x
select income // 1 as x, count(*) from person group by x
select floor(income) as x, count(*) from person group by x
select floor(income / 1) as x, count(*) from person group by x
select floor(income / 0.5) as x, count(*) from person group by x
select round(income, 0) as x, count(*) from person group by x
select income % 1000 as x, count(*) from person group by x
select floor(income / 1000) * 1000 + income % 1000 as x, count(*) from person group by x
select income::varchar as x, count(*) from person group by x
select diagnosed, count(*) from person group by diagnosed
select date_trunc('second', diagnosed) x, count(*) from person group by x
select date_trunc('microsecond', diagnosed) x, count(*) from person group by x
select epoch(diagnosed) x, count(*) from person group by x
select case when income > 5000 then income else 0 end x, count(*) from person group by x
select income > age x, count(*) from person group by x
select income, n from (select income, count(*) n from person group by income)
select income from person union select income from person
select avg(m) a, m from (select income m from person group by income) group by m
select coalesce(income, 0) x, count(*) from person group by 1
select md5(income::varchar) x, count(*) from person group by 1
select x, sum(y) from (select income x, sum(income) y from person group by income) group by x
with a as (select income from person group by income) select sum(income) from a group by income
select distinct diagnosed::date from person

== answer copying_aggregate
select city, max(income) from person group by city
select city, min(income) from person group by city
select mode(income) from person
select city, any_value(age) from person group by city
select city, first(age) from person group by city
select city, last(birth order by age) from person group by city
select city, list(age) from person group by city
select city, array_agg(income) from person group by city
select city, string_agg(birth::varchar, ',') from person group by city
select city, arg_max(age, income) from person group by city
select city, max_by(birth, age) from person group by city
select city, min(age, 3) from person group by city
select city, quantile_disc(age, 0.5) from person group by city
select city, quantile(age, 0.5) from person group by city
select city, quantile_cont(age, 1.0) from person group by city
select city, quantile_cont(income, 0) from person group by city
select city, percentile_disc(0.5) within group (order by age) from person group by city
select city, histogram(age) from person group by city
select city, approx_top_k(age, 5) from person group by city
select city, list_sort(list(age)) from person group by city
select city, avg(m) from (select city, any_value(age) m from person group by city) group by city
select city, sum(m) from (select city, max(income) m from person group by city) group by city
select distinct city, first_value(age) over (partition by city order by birth) from person  -- or: row_output
select distinct city, first_value(age) over (partition by city) from person
select distinct city, max(income) over (partition by city) from person
select city, m * 2 from (select city, max(income) m from person group by city)
select city, case when true then max(income) end from person group by city
select (select max(income) from person) as m
select city, (select first(p.age) from person p where p.city = city.city) from city
select max(floor(income / 1000)) from person
select greatest(max(income), 0) from person
select c.city, x.m from city c, lateral (select max(income) m from person p where p.city = c.city) x
with a as (select city, list(fee) l from visit join person on id = pid group by city) select city, l[1] from a

== answer singling_out
select city, count(*) from person group by city having count(*) = 1
select city, avg(income) from person group by city having count(*) < 10
select city, avg(income) from person group by city having count(*) <= 3
select city, avg(income) from person group by city having not count(*) > 1
select city, avg(income) from person group by city having 1 = count(*)
select city, avg(income) from person group by city having count(*) in (1, 2)
select city, avg(income) from person group by city having count(*) between 1 and 2
select city, avg(income) from person group by city having count(*) - 1 = 0
select city, avg(income) from person group by city having count(*) * 2 = 2
select city, avg(income) from person group by city having count(*) % 50 = 1
select city, avg(income) from person group by city having count(distinct id) = 1
select city, avg(income) from person group by city having count(id) < 2
select city, avg(income) from person group by city having sum(1) = 1
select city, avg(income) from person group by city having sum(case when sex = 'F' then 1 else 0 end) = 1
select city, avg(income) from person group by city having count(*) filter (where income > 5000) = 1
select city, avg(income) from person group by city having count_if(income > 5000) = 1
select city, avg(income) from person group by city having stddev(income) is null
select city, avg(income) from person group by city having len(list(id)) = 1  -- or: identifier
select city, avg(income) from person group by city having len(list(sex)) = 1
select city, avg(income) from person group by city having count(*) = (select 1)
select city, avg(income) from person group by city having count(*) is not distinct from 1
select city, avg(income) from person group by city having case when count(*) = 1 then true else false end
select city, avg(income) from person group by city having (count(*) = 1) is true
select city, avg(income) from person group by city having count(*) = 1 or count(*) > 100000
select city, avg(income) from person group by city having count(*)::varchar = '1'  -- or: singling_out function parse row_output
select city, n from (select city, count(*) n from person group by city) where n = 1
select city, m from (select city, count(*) n, avg(income) m from person group by city) where n < 5
with g as (select city, count(*) n, avg(income) m from person group by city) select m from g where n <= 2
select g.m from (select city, count(*) n, avg(income) m from person group by city) g join (values (1)) v(k) on g.n = v.k
select city, case when count(*) = 1 then avg(income) end from person group by city
select city, if(count(*) > 5, null, avg(income)) from person group by city
select city, avg(income) from person group by city qualify count(*) = 1
select sum(m) filter (where n = 1) from (select city, count(*) n, avg(income) m from person group by city)
select sum(m * (n = 1)::int) from (select city, count(*) n, avg(income) m from person group by city)
select sum(case when n = 1 then m else 0 end) from (select city, count(*) n, avg(income) m from person group by city)
select avg(income) from (select *, count(*) over (partition by city, birth) n from person) where n = 1
select avg(income) from (select income from person qualify count(*) over (partition by birth) = 1)
select avg(income) from (select income from person qualify row_number() over (order by income desc) = 1)
select avg(income) from (select income from person qualify row_number() over (partition by city order by birth) = 1)
select avg(income) from (select income, row_number() over (order by birth) r from person) where r = 7
select avg(income) from (select income, rank() over (order by birth) r from person) where r <= 2
select avg(income) from (select income, row_number() over (order by birth) r from person) where r in (3)
select avg(income) from (select income, row_number() over (order by birth) r from person) where r > 100
select sum(income * (r = 1)::int) from (select income, row_number() over (order by birth) r from person)
select sum(case when r = 1 then income end) from (select income, row_number() over (order by birth) r from person)
select sum(income) filter (where r = 1) from (select income, row_number() over (order by birth) r from person)
select avg(income) from (select income, percent_rank() over (order by birth) r from person) where r > 0.999
select avg(income) from (select income, ntile(100000) over (order by birth) r from person) where r = 1
select avg(income) from (select income from person order by income desc limit 1)
select avg(income) from (select income from person limit 5)
select avg(income) from (select income from person order by birth limit 100 offset 99)
select avg(income) from (select income from person order by birth offset 239)
select avg(income) from (select income from person order by birth fetch first 2 rows only)
select avg(income) from (select income from person order by birth limit 0.1%)
select avg(income) from (select income from person using sample 1 rows)
select avg(income) from person tablesample reservoir(2 rows)
select avg(income) from person tablesample 0.01%
select avg(income) from (select distinct on (city) city, income from person order by birth)
select count(*), avg(income) from person p where not exists (select 1 from person q where q.city = p.city and q.birth = p.birth and q.id <> p.id)
select avg(p.income) from person p anti join person q on p.birth = q.birth and p.id <> q.id
select avg(p.income) from person p left join person q on p.birth = q.birth and p.id <> q.id where q.id is null
select avg(income) from person p where (select count(*) from person q where q.birth = p.birth) = 1
select avg(income) from person where birth in (select birth from person group by birth having count(*) = 1)
select avg(income) from person positional join (values (1)) v(k)
select avg(income) from person join (select birth, count(*) n from person group by birth) using (birth) where n = 1
select city, avg(income) from person group by city having min(1) = 1 and count(*) < 3
select city from person group by city having count(*) < 2
select n from (select city, count(*) n from person group by city) where n < 3

== answer error_oracle
select error('x')
select count(*) from person where case when income > 5000 then error('x') else true end
select count(*) from person where case when income > 5000 then 'x'::int else 1 end = 1
select count(*) from person where cast(grade_text as integer) > 1
select avg(grade_text::double) from person
select count(*) from person where (case when income > 5000 then 'a' else '1' end)::int = 1
select count(*) from person where 1 / (case when income > 5000 then 0 else 1 end) > 0
select count(*) from person where 1 // (income > 5000)::int > 0
select count(*) from person where 1 / (income - 5000) > 0
select count(*) from person where 1 % (income - 5000) > 0
select 1 / 0
select count(*) from person where sqrt(case when income > 5000 then -1 else 1 end) > 0
select count(*) from person where ln((income > 5000)::int) > 0
select sqrt(-1)
select ln(0)
select count(*) from person where income * 9223372036854775807 > 0
select count(*) from person where income + 9223372036854775807 > 0
select count(*) from city where city = (select city from person where age > 50)
select (select age from person where income > 19000) as x
select cast('abc' as integer)
select date 'nonsense'
select count(*) from person where acos(case when age > 50 then 2 else 1 end) > 0
select count(*) from person where chr(case when age > 50 then -1 else 65 end) = 'A'
select count(*) from person where make_date(2020, case when age > 50 then 13 else 1 end, 1) is null

== answer too_large
select count(*) from person a, person b, person c
select count(*) from person cross join visit cross join air
select count(*) from person a join visit b on true join air c on 1 = 1
select count(*) from (select 1 from person a, person b) x, visit
select count(*) from person a, visit b, air c where a.id = b.pid or 1 = 1
select count(*) from person a, visit b, air c where a.city = a.city
with recursive r as (select 1 a union all select a + 1 from r) select * from r
with recursive r(n) as (select 1 union all select n + 1 from r where n < 1000000000) select count(*) from r
select count(*) from (select * exclude (id) from visit a cross join city b), city c, air d  -- or: too_large column

== build identifier
select id, city from person
select upper(id) from person
select pseudonym('4202') from person
select pseudonym(upper(id)) from person
select pseudonym(id || 'x') from person
select pseudonym(id)::varchar from person
select left(pseudonym(id), 3) from person
select pseudonym(id) || name from person
select city from person where id = '1'
select case when true then id end from person
select md5(id) from person
select min(id) from person group by city
select pseudonym(id) p from person where p = 'P1'
select * from person
select pseudonym(k) from (select '1' k)
select pseudonym(name, 'x') from person

== build singling_out
select city, avg(income) from person group by city having count(*) = 1

== build column

== build error_oracle
select grade_text::int from person

== build row_output|function
select list_transform([1], x -> x)

== answer singling_out
select city, avg(age) from person group by city having count(*) = 1 and avg(age) > 30
select sum(case when r = 1 and income > 5000 then 1 else 0 end) from (select income, row_number() over (order by birth) r from person)
select count_if(r = 1 and income > 5000) from (select income, row_number() over (order by birth) r from person)
select sum((r = 1 and income > 5000)::int) from (select income, row_number() over (order by birth) r from person)
select count(case when r = 1 and income > 5000 then 1 end) from (select income, row_number() over (order by birth) r from person)
select count(*) filter (where r = 1 and income > 5000) from (select income, row_number() over (order by birth) r from person)
select city, count(*) = 1 and avg(income) > 5000 as f from person group by city
select city, case when count(*) = 1 and avg(income) > 5000 then 'rich' end f from person group by city
select city, case when count(*) > 1 or avg(income) < 5000 then 'a' else 'b' end f from person group by city
select city, avg(income) from person group by city having avg(income) * 0 + count(*) = 1
select avg(income) from (select income, row_number() over (order by birth) r from person) join (values (1)) v(r) using (r)
select avg(income) from (select age, income, row_number() over (order by birth) r from person) where r = age
select city, avg(m) from (select city, sex, count(*) n, avg(income) m from person group by city, sex) group by city having sum(n) < 5
select city, avg(m) from (select city, sex, count(*) n, avg(income) m from person group by city, sex) group by city having avg(n) < 3
select city, avg(m) from (select city, sex, count(*) n, avg(income) m from person group by city, sex) group by city having max(n) = 1
select avg(income) from (select city, income, row_number() over (order by birth) r from person) group by city having max(r) = 1
select city, avg(income) from person group by city having ln(count(*)) = 0
select city, avg(income) from person group by city having coalesce(count(*), 0) = 1
select city, avg(income) from person group by city having abs(count(*) - 3) < 1
select city, avg(income) from person group by city having greatest(count(*), 2) = 2
select city, avg(income) from person group by city having nullif(count(*), 1) is null
select city, avg(income) from person group by city having count(*) = 1 is true

== answer error_oracle
select count(*) from person where (income)::tinyint > 0 and grade_text::int = 1
select count(*) from visit where day + to_years(case when fee > 50 then 100000000 else 0 end) is null
select count(*) from person where date_trunc(case when income > 5000 then 'x' else 'day' end, birth) is null
select count(*) from person where regexp_matches(city, case when income > 5000 then '(' else 'a' end)
select stddev(case when income > 5000 then 1 / 1 else 1 end) from person
select stddev(income ** 400) from person
select avg(income * 1e300) from person
select count(*) from person where sin(case when income > 5000 then 1 else 0 end) > 0
select count(*) from person where (1 << (case when income > 5000 then 100 else 1 end)) > 0
select count(*) from person where strptime(case when income > 5000 then 'x' else '2020' end, '%Y') is null

== answer too_large
with recursive r(n, x) as (select 1, 0 union all select n + 1, x + n from r where n < 100000000) select max(x) from r
with recursive r(n) as (select 1 union all select n + 1 from r where n < 10 or true) select n from r
with recursive r(n) as (select 1 union all select n - 1 from r where n < 10) select n from r
with recursive r(n) as (select 1 union all select n + 0 from r where n < 10) select n from r
with recursive r(n) as (select 1 union all select r.n + 1 from r, city where n < 10) select n from r
with recursive r(n, x) as (select 1, 0 union all select n + 1, (select any_value(income) from person) from r where n < 5) select x from r
with recursive r as (select id, 1 as n from person union all select id, n + 1 from r where n < 5) select count(*) from r
select x.n from person p, lateral (with recursive r(n) as (select 1 union all select n + p.income from r where n < 9) select n from r) x

== answer statement
pivot person on city using count(*)
pivot person on city using avg(income) group by sex
pivot person on id using count(*) group by city
select * from person pivot (count(*) for city in (select city from city))
pivot person on city in ('黄石'), sex in ('F') using count(*) group by age
unpivot person on * into name k value v  -- or: column parse
unpivot person on columns(*) into name k value v  -- or: column parse

== answer identifier
pivot person on id in ('420200197919') using count(*) group by city
select * from person pivot (count(*) for name in ('张三') group by city)
pivot person on sex in ('F') using min(id) group by city
unpivot (select id, name from person) on id, name into name k value v
select v, count(*) from (unpivot (select id, name from person) on id, name into name k value v) group by v
select count(*) from person where id = any (select '1')

== answer copying_aggregate
pivot person on sex in ('F', 'M') using max(income) group by city
pivot (select city, sex, age from person) on sex in ('F', 'M') using first(age)

== answer sensitive_group
pivot person on sex in ('F', 'M') using count(*) group by income

== answer row_output
unpivot (select age, days from person join visit on id = pid) on age, days into name k value v
pivot (select age, sex, id from person) on sex in ('F') using count(*)  -- or: identifier

== answer column
pivot person on secret in ('x') using count(*) group by city
pivot person on sex in ('F') using count(*) group by secret
unpivot (select station, pm from air) on pm, secret into name k value v

== answer error_oracle
select count(*) from person where grade_text = 5
select count(*) from person where grade_text > 5
select count(*) from person where grade_text in (1, 2)
select count(*) from person where grade_text between 1 and 2
select count(*) from person where grade_text = birth
select count(*) from person join visit on grade_text = days
select count(*) from person where interval (case when income > 5000 then 999999999 else 0 end) year is null

== answer singling_out
select birth, avg(income) from person group by birth order by count(*) limit 1
select m from (select birth, count(*) n, avg(income) m from person group by birth) order by n limit 1
select m from (select birth, count(*) n, avg(income) m from person group by birth) order by -n desc limit 3
select arg_min(m, n) from (select birth, count(*) n, avg(income) m from person group by birth)
select first(m order by n) from (select birth, count(*) n, avg(income) m from person group by birth)
select m from (select birth, avg(income) m, row_number() over (order by count(*)) r from person group by birth) where r = 1
select birth, avg(income) m from person group by birth qualify row_number() over (order by count(*)) = 1
(select city, count(*) n from person group by city) union all (select place, count(*) from visit group by place) order by n limit 1
select avg(income) from person where income = (select max(income) from person)
select city, avg(age) from person where (city, income) in (select city, max(income) from person group by city) group by city
select avg(age) from person p join (select max(income) m from person) x on p.income >= x.m

== answer singling_out
select avg(income) from person where id not in (select id from person order by income limit 200)
select avg(income) from person p where not exists (select 1 from (select id from person order by birth limit 200) q where q.id = p.id)
select count(*), avg(n) from (select id, 1 as n from person except (select id, 1 from person limit 200))
select avg(income) from person anti join (select id from person order by birth limit 200) q using (id)

== answer error_oracle
select count(*) from person where 1 / (income + -5000) > 0

== answer column
select k + 1 as j, 5 as k from city
select k as k from city
select k as j, j as k from city
